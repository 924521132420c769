"""The metrics show all of it: what the stream's fold counted is compared with what the notifications themselves say."""

FOLDED_WITHIN_SECONDS = 45


class Metrics:
    """Compares GET /v1/metrics with every notification that the story made."""

    def __init__(self, narrator, channels, rollout):
        self.n, self.channels, self.rollout = narrator, channels, rollout

    def show_all_of_it(self):
        self.n.chapter("The metrics show all of it")
        get = self.channels.stack.expect
        made = [get(200, "ops", "GET", f"/v1/notifications/{one}").json for one in self.channels.sent_ids]
        wanted = self._wanted(made)
        found = {}

        def is_folded():
            found.update(get(200, "ops", "GET", "/v1/metrics?minutes=60").json)
            return figures(found) == wanted

        try:
            self.n.wait(is_folded, FOLDED_WITHIN_SECONDS, "the stream is folded into the metrics", pause=1)
        finally:
            self._table(found)
        decisions = f"{self.rollout.messages:,} decisions"
        self.n.ok(f"they count exactly what {len(made)} notifications and {decisions} say of themselves")

    def _wanted(self, made):
        tried = [attempt for one in made for attempt in one["attempts"]]
        return {
            "sent": sum(bool(one["attempts"]) for one in made),
            "accepted": sum(one["status"] == "accepted" for one in made),
            "failed": sum(one["status"] == "failed" for one in made),
            "cancelled": sum(one["status"] == "cancelled" for one in made),
            "skipped": {"unknown_recipient": self.rollout.messages},
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
        self.n.tell(wide.format("notifications", "sent", "accepted", "failed", "skipped", "delivery", "p95 ms", "EUR"))
        sides = found["by_version"]
        for name, row in [("all", found["summary"]), ("v1", sides["v1"]), ("v2", sides["v2"])]:
            rate = "-" if row["delivery_rate"] is None else f"{row['delivery_rate']:.0%}"
            skipped = sum(row["skipped"].values())
            counts = row["sent"], row["accepted"], row["failed"], skipped, rate
            self.n.tell(wide.format(name, *counts, *_slow_and_dear(row)))
        self.n.tell(wide.format("attempts", "made", "accepted", "gone", "", "", "p95 ms", "EUR"))
        for name in ("push", "email", "sms"):
            row = found["by_channel"][name]
            self.n.tell(wide.format(name, row["attempts"], row["accepted"], row["gone"], "", "", *_slow_and_dear(row)))


def _slow_and_dear(row):
    p95_ms = row["latency_ms"]["p95"]
    return "-" if p95_ms is None else p95_ms, f"{row['cost_micros'] / 1e6:.4f}"


def figures(metrics):
    """The figures of an answer that the story can foretell."""
    summary = metrics["summary"]
    return {
        **{name: summary[name] for name in ("sent", "accepted", "failed", "cancelled", "skipped", "cost_micros")},
        **{version: metrics["by_version"][version]["sent"] for version in ("v1", "v2")},
        **{(channel, outcome): metrics["by_channel"][channel][outcome]
           for channel in ("push", "email", "sms") for outcome in ("accepted", "gone")},
    }
