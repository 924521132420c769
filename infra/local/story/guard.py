"""Version 2 goes bad while version 1 does not: the guard takes it back, and says why."""

import time

from .rollout import FOLLOWS_WITHIN_SECONDS, is_in_v2

# More than the guard's smallest sample of 50.
MESSAGES = 60
HALF = 50
TARGET_SECONDS = 180


def somebody(name, in_v2):
    ids = (f"{name}-{number}" for number in range(100))
    return next(one for one in ids if is_in_v2(one, HALF) == in_v2)


class Guard:
    """Two people with a browser each, one in each version."""

    def __init__(self, narrator, channels, rollout):
        self.n, self.channels, self.rollout, self.stack = narrator, channels, rollout, channels.stack
        self.old, self.new = somebody("dora", in_v2=False), somebody("emil", in_v2=True)

    def takes_version_2_back(self):
        self.n.chapter("Version 2 goes bad, and the guard takes it back")
        browsers = [self._registered(one) for one in (self.old, self.new)]
        self.n.tell(f"half of all people are in version 2 since the last chapters: {self.new} is, {self.old} is not")
        self._a_whole_minute_after_the_last_change()
        browsers[1].is_refused = True
        went_bad = time.monotonic()
        for one in (self.old, self.new):
            self._send_many(one)
        self.n.tell(f"{MESSAGES} messages to each; a push service refuses {self.new}'s, and takes {self.old}'s")
        self.n.wait(lambda: self._failed("v2") >= MESSAGES, 30, "rollup counts them")
        self.n.equal(self._failed("v1"), 0, f"all {MESSAGES} of version 2 failed, none of version 1")
        self.n.tell("rollup's minute looks, and again 30 s later, before it believes it (called here, not waited for)")
        self.stack.invoke("RollupFunctionName", {"task": "rollup"})
        self.n.equal(self.stack.parameter("RolloutPercentageParameter"), "0", "rollout-percentage is 0")
        self.n.wait(lambda: self.rollout.version_of(self.new) == "v1", FOLLOWS_WITHIN_SECONDS, "nobody is in version 2")
        took = time.monotonic() - went_bad
        self.n.check(took < TARGET_SECONDS, f"version 2 is off everywhere {took:.0f} s after its first bad message")
        self._say_why()

    def _registered(self, one):
        browser = self.channels.push_service.subscribe()
        self.channels.register(one, browser)
        return browser

    def _a_whole_minute_after_the_last_change(self):
        """The guard holds only whole minutes since the last change against the present percentage."""
        rest = 60 - time.time() % 60
        self.n.tell(f"the guard judges a percentage by whole minutes since it was set: the next begins in {rest:.0f} s")
        time.sleep(rest + 0.5)
        self.since = time.strftime("%Y-%m-%dT%H:%M:00Z", time.gmtime())

    def _send_many(self, one):
        message = {"to": one, "content": {"title": "Does it arrive?", "body": "We will see."}}
        self.stack.expect(202, "send", "POST", "/v1/notifications/batch", {"messages": [message] * MESSAGES})

    def _failed(self, version):
        metrics = self.stack.expect(200, "ops", "GET", f"/v1/metrics?from={self.since}").json
        return metrics["by_version"][version]["failed"]

    def _say_why(self):
        rollout = self.stack.expect(200, "ops", "GET", "/v1/rollout").json
        record = next(change for change in rollout["changes"] if change["parameter"] == "rollout-percentage")
        self.n.equal((record["who"], record["old"], record["new"]), ("guard", str(HALF), "0"),
                     f"GET /v1/rollout says who, and why: {record['reason']}")
        alert = next((text for text in self.stack.alerts() if "switched off" in text), None)
        self.n.check(alert is not None, "the alerts topic says it to people:")
        for line in alert.strip().splitlines():
            self.n.tell(f"  {line}")
