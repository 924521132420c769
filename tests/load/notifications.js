// Script of k6: concurrent callers (50 by default), each of which sends one notification after another.
//
// `make load` runs it (tests/load/run.py), with a token and the recipients' ids in the environment.

import http from "k6/http";
import { sleep } from "k6";
import { Rate, Trend } from "k6/metrics";

const API = __ENV.API_URL;
const TOKEN = __ENV.SEND_TOKEN;
const RECIPIENTS = __ENV.RECIPIENTS.split(",");
const PAUSE_SECONDS = Number(__ENV.PAUSE_SECONDS || 1);

// Shares of the requests that a provider accepted, and that failed for any reason.
const delivery = new Rate("delivery");
const errors = new Rate("errors");
// Time from the due time of a notification to the end of its first accepted attempt, as in the service's metrics.
const dueToAccepted = new Trend("due_to_accepted", true);

export const options = {
  scenarios: {
    callers: {
      executor: "constant-vus",
      vus: Number(__ENV.VUS || 50),
      duration: `${__ENV.MINUTES || 5}m`,
      gracefulStop: "30s",
    },
  },
  thresholds: {
    delivery: ["rate>0.95"],
    errors: ["rate<0.05"],
    http_req_duration: ["p(95)<3000"],
  },
  summaryTrendStats: ["avg", "min", "med", "p(90)", "p(95)", "p(99)", "max"],
};

const HEADERS = { "Content-Type": "application/json", Authorization: `Bearer ${TOKEN}` };

export default function () {
  const to = RECIPIENTS[Math.floor(Math.random() * RECIPIENTS.length)];
  const body = {
    to,
    content: { title: "Load test", body: `From caller ${__VU}, number ${__ITER}.`, url: "https://example.com/load" },
  };
  const response = http.post(`${API}/v1/notifications`, JSON.stringify(body), { headers: HEADERS, timeout: "40s" });
  const sent = response.status === 202 ? response.json() : { status: `status ${response.status}`, attempts: [] };
  const accepted = sent.attempts.find((attempt) => attempt.outcome === "accepted");
  delivery.add(["accepted", "delivered"].includes(sent.status));
  errors.add(response.status !== 202 || ["failed", "uncertain", "expired"].includes(sent.status));
  if (accepted) {
    dueToAccepted.add(new Date(accepted.at) - new Date(sent.created_at) + accepted.latency_ms);
  }
  sleep(PAUSE_SECONDS * (0.5 + Math.random()));
}
