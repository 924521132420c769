// A caller's program over the types that are generated from docs/openapi.yaml: what must compile, and what must not.
import type { components, operations, paths } from "../../target/types/openapi";

type Schemas = components["schemas"];

const request: Schemas["SendRequest"] = {
  to: "customer-7",
  type: "PAYMENT_DUE",
  content: { title: "Payment due", body: "Please pay by Friday.", url: "https://shop.example/pay/7" },
  channels: ["push", "email"],
  ttl_seconds: 86_400,
  metadata: { invoice: 7 },
};

const withTemplate: Schemas["SendRequest"] = {
  to: "customer-7",
  template: { name: "payment-due" },
  variables: { amount: "12.50 EUR" },
};
// @ts-expect-error: a recipient is required
const withoutRecipient: Schemas["SendRequest"] = { content: { title: "Hi", body: "there" } };
// @ts-expect-error: there is no such channel
const byPigeon: Schemas["SendRequest"] = { ...request, channels: ["pigeon"] };
const misspelt: Schemas["SendRequest"] = {
  ...request,
  // @ts-expect-error: there is no such field
  chanels: ["push"],
};

type Sent = operations["sendNotification"]["responses"][202]["content"]["application/json"];
type Refused = operations["sendNotification"]["responses"][422]["content"]["application/problem+json"];

/** Says what became of a notification. */
export function summary(sent: Sent): string {
  switch (sent.status) {
    case "skipped":
      return `not sent: ${sent.reason ?? "no reason"}`;
    case "accepted":
    case "delivered":
      return `by ${sent.channel ?? "no channel"} after ${sent.attempts.length} attempts`;
    default:
      // @ts-expect-error: there is no such status
      return sent.status === "lost" ? "lost" : sent.status;
  }
}

/** Names the fields at fault. */
export function faults(problem: Refused): string[] {
  const isInvalid = problem.type === "urn:notifications:problem:invalid";
  return isInvalid ? (problem.errors ?? []).map((error) => error.field) : [problem.title];
}

/** Follows the pages of a history. */
export async function history(api: string, id: string, token: string): Promise<Schemas["Notification"][]> {
  type Page = paths["/v1/recipients/{id}/notifications"]["get"]["responses"][200]["content"]["application/json"];
  const all: Schemas["Notification"][] = [];
  let after: string | null = null;
  do {
    const query: string = after === null ? "" : `?after=${encodeURIComponent(after)}`;
    const answer: Response = await fetch(`${api}/v1/recipients/${encodeURIComponent(id)}/notifications${query}`, {
      headers: { Authorization: `Bearer ${token}` },
    });
    const page = (await answer.json()) as Page;
    all.push(...page.items);
    after = page.next;
  } while (after !== null);
  return all;
}

/** Ends a plan, which is not the same as leaving it out. */
export const end: Schemas["RolloutChange"] = { plan: null };

export const unused = [withTemplate, withoutRecipient, byPigeon, misspelt];
