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
        self.n.ok(f"they count exactly what {len(made)} notifications and {self.rollout.messages:,} decisions say of themselves")

    def _wanted(self, made):
        tried = [attempt for one in made for attempt in one["attempts"]]
        return {
            "sent": sum(bool(one["attempts"]) for one in made),
            "accepted": sum(one["status"] == "accepted" for one in made),
            "failed": sum(one["status"] == "failed" for one in made),
            "cancelled": sum(one["status"] == "cancelled" for one in made),
            "skipped": {"unknown_recipient": self.rollout.messages},
            "cost_micros": sum(one["cost_micros"] for one in made),
            **{version: sum(one["version"] == version and bool(one["attempts"]) for one in made) for version in ("v1", "v2")},
            **{(channel, outcome): sum((one["channel"], one["outcome"]) == (channel, outcome) for one in tried)
               for channel in ("push", "email", "sms") for outcome in ("accepted", "gone")},
        }

    def _table(self, found):
        if not found:
            return
        self.n.tell(f"{'notifications':<14}{'sent':>6}{'accepted':>10}{'failed':>8}{'skipped':>9}{'delivery':>10}{'p95 ms':>8}{'EUR':>9}")
        for name, row in [("all", found["summary"]), *((side, found["by_version"][side]) for side in ("v1", "v2"))]:
            rate = "-" if row["delivery_rate"] is None else f"{row['delivery_rate']:.0%}"
            self.n.tell(f"{name:<14}{row['sent']:>6}{row['accepted']:>10}{row['failed']:>8}{sum(row['skipped'].values()):>9}"
                        f"{rate:>10}{row['latency_ms']['p95'] or '-':>8}{row['cost_micros'] / 1e6:>9.4f}")
        self.n.tell(f"{'attempts':<14}{'made':>6}{'accepted':>10}{'gone':>8}{'':>19}{'p95 ms':>8}{'EUR':>9}")
        for name in ("push", "email", "sms"):
            row = found["by_channel"][name]
            self.n.tell(f"{name:<14}{row['attempts']:>6}{row['accepted']:>10}{row['gone']:>8}{'':>19}"
                        f"{row['latency_ms']['p95'] or '-':>8}{row['cost_micros'] / 1e6:>9.4f}")


def figures(metrics):
    """The figures of an answer that the story can foretell."""
    summary = metrics["summary"]
    return {
        **{name: summary[name] for name in ("sent", "accepted", "failed", "cancelled", "skipped", "cost_micros")},
        **{version: metrics["by_version"][version]["sent"] for version in ("v1", "v2")},
        **{(channel, outcome): metrics["by_channel"][channel][outcome]
           for channel in ("push", "email", "sms") for outcome in ("accepted", "gone")},
    }
