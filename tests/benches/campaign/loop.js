// The peer of the bench `campaign`: seals with web-push, posts over kept connections, and puts each result into DynamoDB.
//
//     node loop.js <push origin> <AWS endpoint> <people> sign|cache

const http = require("http");
const crypto = require("crypto");
const webpush = require("web-push");
const { DynamoDBClient, PutItemCommand } = require("@aws-sdk/client-dynamodb");

const [origin, endpoint, people, vapid] = process.argv.slice(2);
const IN_FLIGHT = 100;
const agent = new http.Agent({ keepAlive: true, maxSockets: IN_FLIGHT });
const client = new DynamoDBClient({
  endpoint, region: "eu-south-1", credentials: { accessKeyId: "fanout", secretAccessKey: "secret" },
});
const keys = webpush.generateVAPIDKeys();
const vapidDetails = { subject: "mailto:push@example.com", ...keys };
const receiver = crypto.createECDH("prime256v1");
receiver.generateKeys();
const subscriptionKeys = {
  p256dh: receiver.getPublicKey().toString("base64url"), auth: crypto.randomBytes(16).toString("base64url"),
};
const payload = JSON.stringify({ title: "Autumn", body: "New things for you in the shop", id: "x".repeat(53) });
const cached = webpush.getVapidHeaders(origin, vapidDetails.subject, keys.publicKey, keys.privateKey, "aes128gcm");

function post(details) {
  return new Promise((resolve, reject) => {
    const request = http.request(details.endpoint, { method: "POST", headers: details.headers, agent }, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode));
    });
    request.on("error", reject);
    request.end(details.body);
  });
}

async function one(number) {
  const subscription = { endpoint: `${origin}/push/npm-${number}`, keys: subscriptionKeys };
  const options = { TTL: 3600, contentEncoding: "aes128gcm", topic: "autumn" };
  const details = vapid === "sign"
    ? webpush.generateRequestDetails(subscription, payload, { ...options, vapidDetails })
    : webpush.generateRequestDetails(subscription, payload, { ...options, vapidDetails: undefined });
  if (vapid === "cache") details.headers.Authorization = cached.Authorization;
  const status = await post(details);
  if (status !== 201) throw new Error(`the push service answered ${status}`);
  await client.send(new PutItemCommand({
    TableName: "notifications",
    Item: {
      pk: { S: `npm-${vapid}-${number}` }, sk: { S: "1" }, status: { S: "accepted" }, type: { S: "NEWS" },
      content: { S: payload }, at: { N: String(Date.now()) }, status_code: { N: String(status) },
    },
    ConditionExpression: "attribute_not_exists(pk)",
  }));
}

async function main() {
  let next = 0;
  const worker = async () => { while (next < Number(people)) await one(next++); };
  const [began, cpu] = [performance.now(), process.cpuUsage()];
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
  const used = process.cpuUsage(cpu);
  console.log(JSON.stringify({
    cpu_seconds: (used.user + used.system) / 1e6, seconds: (performance.now() - began) / 1e3,
  }));
}

main().catch((error) => { console.error(error); process.exit(1); });
