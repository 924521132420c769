"""Cleanup does what retention by TTL cannot do: here, a device whose browser said when it would end."""

import time

OWNER = "carol"


class Cleanup:
    """Leaves a device behind early in the story and finds it at the end."""

    def __init__(self, narrator, channels):
        self.n, self.channels, self.stack = narrator, channels, channels.stack

    def leave_something_behind(self):
        self.ends_at = time.time() + 5
        browser = self.channels.push_service.subscribe()
        self.channels.register(OWNER, browser, ends_at_ms=int(self.ends_at * 1_000))
        self.channels.register(OWNER, self.channels.push_service.subscribe())

    def runs(self):
        self.n.chapter("Cleanup runs")
        time.sleep(max(0, self.ends_at - time.time()))
        self.n.equal(len(self.channels.devices(OWNER)), 2, f"{OWNER} has two devices, one of which has ended meanwhile")
        dry = self._pass(dry_run=True)
        self.n.equal(dry["expired_devices"], {"done": 0, "remaining": 1}, "a dry run finds the one and leaves it")
        self.n.equal(len(self.channels.devices(OWNER)), 2, "two devices are still there")
        real = self._pass(dry_run=False)
        self.n.equal(real["expired_devices"], {"done": 1, "remaining": 0}, "a real pass deletes it")
        self.n.equal(len(self.channels.devices(OWNER)), 1, "the other one stays")
        last = self._pass(dry_run=False)
        self.n.equal(last["expired_devices"], {"done": 0, "remaining": 0}, "the next pass has nothing to do")

    def _pass(self, dry_run):
        return self.stack.expect(200, "ops", "POST", "/v1/cleanup", {"dry_run": dry_run}).json
