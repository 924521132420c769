"""Chapter in which the metrics are compared with the stored notifications."""

import collections

COUNTED_WITHIN_SECONDS = 45


class Metrics:
    """Compares GET /v1/metrics with every notification of the earlier chapters."""

    def __init__(self, narrator, channels, rollout):
        self.n, self.channels, self.rollout = narrator, channels, rollout

    def match_the_notifications(self):
        self.n.chapter("The metrics count every notification")
        get = self.channels.stack.expect
        made = [get(200, "ops", "GET", f"/v1/notifications/{one}").json for one in self.channels.sent_ids]
        wanted = self._wanted(made)
        found = {}

        def is_counted():
            found.update(get(200, "ops", "GET", "/v1/metrics?minutes=60").json)
            return figures(found) == wanted

        try:
            self.n.wait(is_counted, COUNTED_WITHIN_SECONDS, "rollup counts the stream's records", pause=1)
        finally:
            self._table(found)
        decisions = f"{self.rollout.messages:,} rollout decisions"
        self.n.ok(f"the metrics equal the sums over {len(made)} stored notifications and {decisions}")

    def _wanted(self, made):
        tried = [attempt for one in made for attempt in one["attempts"]]
        skipped = collections.Counter(one["reason"] for one in made if one["status"] == "skipped")
        return {
            "sent": sum(bool(one["attempts"]) for one in made),
            "accepted": sum(one["status"] == "accepted" for one in made),
            "failed": sum(one["status"] == "failed" for one in made),
            "cancelled": sum(one["status"] == "cancelled" for one in made),
            "skipped": {"unknown_recipient": self.rollout.messages, **skipped},
            "cost_micros": sum(one["cost_micros"] for one in made),
            **{version: sum(one["version"] == version and bool(one["attempts"]) for one in made)
               for version in ("v1", "v2")},
            **{(channel, outcome): sum((one["channel"], one["outcome"]) == (channel, outcome) for one in tried)
               for channel in ("push", "email", "sms") for outcome in ("accepted", "gone")},
        }

    def _table(self, found):
        if not found:
            return
        wide = "{:<14}{:>6}{:>10}{:>8}{:>9}{:>10}{:>8}{:>9}"
        self.n.note(wide.format("notifications", "sent", "accepted", "failed", "skipped", "delivery", "p95 ms", "EUR"))
        versions = found["by_version"]
        for name, row in [("all", found["summary"]), ("v1", versions["v1"]), ("v2", versions["v2"])]:
            rate = "-" if row["delivery_rate"] is None else f"{row['delivery_rate']:.0%}"
            skipped = sum(row["skipped"].values())
            counts = row["sent"], row["accepted"], row["failed"], skipped, rate
            self.n.note(wide.format(name, *counts, *_p95_and_cost(row)))
        self.n.note(wide.format("attempts", "made", "accepted", "gone", "", "", "p95 ms", "EUR"))
        for name in ("push", "email", "sms"):
            row = found["by_channel"][name]
            self.n.note(wide.format(name, row["attempts"], row["accepted"], row["gone"], "", "", *_p95_and_cost(row)))


def _p95_and_cost(row):
    p95_ms = row["latency_ms"]["p95"]
    return "-" if p95_ms is None else p95_ms, f"{row['cost_micros'] / 1e6:.4f}"


def figures(metrics):
    """Figures of a response that can be computed from the notifications."""
    summary = metrics["summary"]
    return {
        **{name: summary[name] for name in ("sent", "accepted", "failed", "cancelled", "skipped", "cost_micros")},
        **{version: metrics["by_version"][version]["sent"] for version in ("v1", "v2")},
        **{(channel, outcome): metrics["by_channel"][channel][outcome]
           for channel in ("push", "email", "sms") for outcome in ("accepted", "gone")},
    }
