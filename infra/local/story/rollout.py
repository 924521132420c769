"""Chapter in which operators change the rollout percentage, and the versions of 1,000 recipients follow."""

import concurrent.futures
import hashlib
import json
import time

from .narrator import CheckFailed

FOLLOWS_WITHIN_SECONDS = 30
BATCH = 500
RECIPIENTS = [f"recipient-{number:04}" for number in range(1_000)]


def is_in_v2(recipient, percentage):
    """Second implementation of the rule in docs/design/rollout.md."""
    bucket = int.from_bytes(hashlib.sha256(f"push-v2:{recipient}".encode()).digest()[:8], "big") % 10_000
    return bucket < percentage * 100


# Recipient that is in version 1 at 10 and 50 %.
LISTED_USER = next(pilot for pilot in (f"pilot-{number}" for number in range(100)) if not is_in_v2(pilot, 50))


class Rollout:
    """Changes the parameter and reads each recipient's version through the API."""

    def __init__(self, narrator, channels):
        self.n, self.channels, self.stack = narrator, channels, channels.stack
        self.messages = 0

    def set(self, percentage):
        """Changes the percentage, and returns the time of the change."""
        self.stack.put_parameter("RolloutPercentageParameter", str(percentage))
        return time.monotonic()

    def list_users(self, users):
        self.stack.put_parameter("RolloutUsersParameter", json.dumps(users))

    def version_of(self, recipient):
        """Returns the version that a send to this recipient would use. Writes nothing."""
        message = {"to": recipient, "content": {"title": "Which version?", "body": "Not sent."}}
        return self.stack.expect(200, "send", "POST", "/v1/notifications/explain", message).json["version"]

    def starts_at(self, percentage):
        """Sets the percentage of the first chapters."""
        self.set(percentage)
        self.n.note(f"make init set the rollout to 10 %; this demonstration begins with {percentage} %")
        self.n.wait(lambda: self.version_of(RECIPIENTS[0]) == "v2", FOLLOWS_WITHIN_SECONDS, "the percentage takes effect")

    def moves(self):
        self.n.chapter("Operators change the rollout percentage to 0, 10 and 100")
        self.list_users([LISTED_USER])
        self.n.note(f"{LISTED_USER} is listed in rollout-users: version 2 at any percentage above 0")
        self.n.note("messages to 1,000 unregistered recipients: the service records each decision and sends nothing")
        self.follows(0)
        self.listed_is_in("v1", "at 0 % the listed user is in v1 as well")
        self.version_1_sends_push_only()
        self.follows(10)
        self.listed_is_in("v2", "at 10 % the listed user is in v2, although the hash gives v1")
        self.follows(100)
        self.set(50)
        self.n.note("the percentage is 50 in the following chapters")

    def listed_is_in(self, version, text):
        """Waits until the listed user's version is `version`. Each process refreshes its own cached parameters."""
        self.n.wait(lambda: self.version_of(LISTED_USER) == version, FOLLOWS_WITHIN_SECONDS, text)
        self.n.ok(text)

    def version_1_sends_push_only(self):
        """Shows that version 1 fails in the case in which version 2 sends an e-mail."""
        browser = self.channels.push_service.subscribe()
        self.channels.stack.expect(201, "recipients", "PUT", "/v1/recipients/bob", {"email": "bob@example.com"})
        self.channels.register("bob", browser)
        self.channels.reached(self.channels.send("bob", "Hello", "by version 1").json, "push")
        browser.is_gone = True
        ended = self.channels.ended(self.channels.send("bob", "Hello", "by version 1").json)
        self.n.equal((ended["version"], ended["status"], self.stack.sent_mail("bob@example.com")), ("v1", "failed", []),
                     "v1 sends push only: if the device is gone, the notification fails without an e-mail")

    def follows(self, percentage):
        """Changes the percentage, and sends to all 1,000 recipients until every version is right."""
        wanted = {one for one in RECIPIENTS if is_in_v2(one, percentage)}
        affected = self._affected_recipient(wanted)
        changed = self.set(percentage)
        self.n.note(f"aws ssm put-parameter ... --value {percentage}")
        while True:
            self.n.wait(lambda: (self.version_of(affected) == "v2") == (affected in wanted),
                        FOLLOWS_WITHIN_SECONDS, f"the change to {percentage} takes effect")
            asked = time.monotonic() - changed
            found = self._in_v2()
            if found == wanted:
                break
            self.n.note(f"{len(found ^ wanted)} of 1,000 have the old version {asked:.1f} s after the change")
            if asked >= FOLLOWS_WITHIN_SECONDS:
                raise CheckFailed(f"{len(found ^ wanted)} of 1,000 have the old version {asked:.0f} s after the change")
        took = time.monotonic() - changed - asked
        self.n.ok(f"{percentage} %: {len(found)} of 1,000 recipients are in v2, exactly those that the hash selects "
                  f"(sent {asked:.1f} s after the change, in {took:.1f} s)")

    def _affected_recipient(self, wanted):
        """Recipient whose version the change affects."""
        return next(one for one in RECIPIENTS if (self.version_of(one) == "v2") != (one in wanted))

    def _in_v2(self):
        """Sends to all 1,000 recipients. Returns those whose notification is of version 2."""
        halves = [RECIPIENTS[start:start + BATCH] for start in range(0, len(RECIPIENTS), BATCH)]
        with concurrent.futures.ThreadPoolExecutor() as pool:
            items = [item for half in pool.map(self._send_batch, halves) for item in half]
        self.messages += len(items)
        versions = {item["to"]: item["version"] for item in items}
        if set(versions.values()) - {"v1", "v2"} or list(versions) != RECIPIENTS:
            raise CheckFailed(f"each of 1,000 has a version; found {len(versions)} with {set(versions.values())}")
        return {recipient for recipient, version in versions.items() if version == "v2"}

    def _send_batch(self, recipients):
        content = {"title": "Which version?", "body": "Not sent: the recipient is not registered."}
        messages = [{"to": one, "content": content} for one in recipients]
        return self.stack.expect(202, "send", "POST", "/v1/notifications/batch", {"messages": messages}).json["items"]
