"""Chapter in which cleanup removes a device after the subscription's expiration time. TTL alone cannot do that."""

import time

OWNER = "carol"


class Cleanup:
    """Registers a device early in the demonstration, and checks its removal at the end."""

    def __init__(self, narrator, channels):
        self.n, self.channels, self.stack = narrator, channels, channels.stack

    def register_expiring_device(self):
        self.ends_at = time.time() + 5
        browser = self.channels.push_service.subscribe()
        self.channels.register(OWNER, browser, ends_at_ms=int(self.ends_at * 1_000))
        self.channels.register(OWNER, self.channels.push_service.subscribe())

    def runs(self):
        self.n.chapter("Cleanup runs")
        time.sleep(max(0, self.ends_at - time.time()))
        self.n.equal(len(self.channels.devices(OWNER)), 2, f"{OWNER} has two devices, and one subscription has expired")
        dry = self._pass(dry_run=True)
        self.n.equal(dry["expired_devices"], {"done": 0, "remaining": 1}, "a dry run finds the expired device")
        self.n.equal(len(self.channels.devices(OWNER)), 2, "it deletes nothing")
        real = self._pass(dry_run=False)
        self.n.equal(real["expired_devices"], {"done": 1, "remaining": 0}, "a real pass deletes the expired device")
        self.n.equal(len(self.channels.devices(OWNER)), 1, "the other device remains")
        last = self._pass(dry_run=False)
        self.n.equal(last["expired_devices"], {"done": 0, "remaining": 0}, "the next pass finds nothing to delete")

    def _pass(self, dry_run):
        return self.stack.expect(200, "ops", "POST", "/v1/cleanup", {"dry_run": dry_run}).json
