"""Chapter in which only version 2 fails: the guard sets the rollout to 0 and reports the reason."""

import time

from .rollout import FOLLOWS_WITHIN_SECONDS, is_in_v2

# More than the guard's minimum sample of 50.
MESSAGES = 60
HALF = 50
TARGET_SECONDS = 180


def recipient_of_version(name, in_v2):
    """Recipient id that is in version 2, or in version 1, at the percentage HALF."""
    ids = (f"{name}-{number}" for number in range(100))
    return next(one for one in ids if is_in_v2(one, HALF) == in_v2)


class Guard:
    """Two recipients with one browser each: one in version 1, one in version 2."""

    def __init__(self, narrator, channels, rollout):
        self.n, self.channels, self.rollout, self.stack = narrator, channels, rollout, channels.stack
        self.old, self.new = recipient_of_version("dora", in_v2=False), recipient_of_version("emil", in_v2=True)

    def switches_version_2_off(self):
        self.n.chapter("Version 2 fails, and the guard switches it off")
        browsers = [self._registered(one) for one in (self.old, self.new)]
        self.n.note(f"the rollout is at {HALF} %: {self.new} is in version 2, {self.old} is in version 1")
        self._a_whole_minute_after_the_last_change()
        browsers[1].is_refused = True
        first_failure = time.monotonic()
        for one in (self.old, self.new):
            self._send_many(one)
        self.n.note(f"{MESSAGES} messages are sent to each; the push service refuses those of {self.new} only")
        self.n.wait(lambda: self._failed("v2") >= MESSAGES, 30, "rollup counts the failures")
        self.n.equal(self._failed("v1"), 0, f"{MESSAGES} messages of version 2 failed, and none of version 1")
        self.n.note("the guard acts if two evaluations, 30 s apart, agree (rollup is invoked now instead of by its schedule)")
        self.stack.invoke("RollupFunctionName", {"task": "rollup"})
        self.n.equal(self.stack.parameter("RolloutPercentageParameter"), "0", "rollout-percentage is 0")
        self.n.wait(lambda: self.rollout.version_of(self.new) == "v1", FOLLOWS_WITHIN_SECONDS, "version 2 is off")
        took = time.monotonic() - first_failure
        self.n.check(took < TARGET_SECONDS, f"version 2 is off for all recipients {took:.0f} s after its first failed message")
        self._reports_the_reason()

    def _registered(self, one):
        browser = self.channels.push_service.subscribe()
        self.channels.register(one, browser)
        return browser

    def _a_whole_minute_after_the_last_change(self):
        """Waits for a whole minute, because the guard evaluates a percentage by whole minutes since the last change."""
        rest = 60 - time.time() % 60
        self.n.note(f"the guard evaluates whole minutes since the last change; the next minute begins in {rest:.0f} s")
        time.sleep(rest + 0.5)
        self.since = time.strftime("%Y-%m-%dT%H:%M:00Z", time.gmtime())

    def _send_many(self, one):
        message = {"to": one, "content": {"title": "Guard test", "body": "One of many messages."}}
        self.stack.expect(202, "send", "POST", "/v1/notifications/batch", {"messages": [message] * MESSAGES})

    def _failed(self, version):
        metrics = self.stack.expect(200, "ops", "GET", f"/v1/metrics?from={self.since}").json
        return metrics["by_version"][version]["failed"]

    def _reports_the_reason(self):
        rollout = self.stack.expect(200, "ops", "GET", "/v1/rollout").json
        record = next(change for change in rollout["changes"] if change["parameter"] == "rollout-percentage")
        self.n.equal((record["who"], record["old"], record["new"]), ("guard", str(HALF), "0"),
                     f"GET /v1/rollout shows the guard's change and its reason: {record['reason']}")
        alert = next((text for text in self.stack.alerts() if "switched off" in text), None)
        self.n.check(alert is not None, "the alerts topic has published this alert:")
        for line in alert.strip().splitlines():
            self.n.note(f"  {line}")
