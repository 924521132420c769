"""Ops move the rollout parameter, and the share of 1,000 recipients in version 2 follows."""

import concurrent.futures
import hashlib
import json
import time

from .narrator import NotSo

FOLLOWS_WITHIN_SECONDS = 30
BATCH = 500
CROWD = [f"recipient-{number:04}" for number in range(1_000)]


def is_in_v2(recipient, percentage):
    """The rule that the documentation gives, written down a second time."""
    bucket = int.from_bytes(hashlib.sha256(f"push-v2:{recipient}".encode()).digest()[:8], "big") % 10_000
    return bucket < percentage * 100


# Somebody whom the percentages of this story leave in version 1.
LISTED = next(pilot for pilot in (f"pilot-{number}" for number in range(100)) if not is_in_v2(pilot, 50))


class Rollout:
    """Moves the parameter and measures who gets which version, through the API alone."""

    def __init__(self, narrator, channels):
        self.n, self.channels, self.stack = narrator, channels, channels.stack
        self.messages = 0

    def set(self, percentage):
        """What `aws ssm put-parameter --overwrite` does; answers with when."""
        self.stack.put_parameter("RolloutPercentageParameter", str(percentage))
        return time.monotonic()

    def list_users(self, users):
        self.stack.put_parameter("RolloutUsersParameter", json.dumps(users))

    def version_of(self, recipient):
        """What a send to this recipient would do now; writes nothing."""
        message = {"to": recipient, "content": {"title": "Which version?", "body": "Nobody gets this."}}
        return self.stack.expect(200, "send", "POST", "/v1/notifications/explain", message).json["version"]

    def starts_at(self, percentage):
        """The first setting of the story."""
        self.set(percentage)
        self.n.tell(f"make init set the rollout to 10 %; this story begins at {percentage} %")
        self.n.wait(lambda: self.version_of(CROWD[0]) == "v2", FOLLOWS_WITHIN_SECONDS, "the first setting takes effect")

    def moves(self):
        self.n.chapter("Ops move the rollout parameter: 0, 10, 100")
        self.list_users([LISTED])
        self.n.tell(f"{LISTED} is on the list of users that get version 2 at any percentage above 0")
        self.n.tell("1,000 recipients that nobody registered are sent to: each decision is recorded, nobody is reached")
        self.follows(0)
        self.listed_is_in("v1", "at 0 even the listed user is in v1")
        self.knows_push_alone()
        self.follows(10)
        self.listed_is_in("v2", "at 10 the listed user is in v2, whose hash alone says v1")
        self.follows(100)
        self.set(50)
        self.n.tell("and half from here on")

    def listed_is_in(self, version, text):
        """Whichever process answers: each reads the parameters when its own copy is old."""
        self.n.wait(lambda: self.version_of(LISTED) == version, FOLLOWS_WITHIN_SECONDS, text)
        self.n.ok(text)

    def knows_push_alone(self):
        """What version 1 is, where version 2 went on to an e-mail."""
        browser = self.channels.push_service.subscribe()
        self.channels.stack.expect(201, "recipients", "PUT", "/v1/recipients/bob", {"email": "bob@example.com"})
        self.channels.register("bob", browser)
        self.channels.reached(self.channels.send("bob", "Hello", "by version 1").json, "push")
        browser.is_gone = True
        ended = self.channels.ended(self.channels.send("bob", "Hello", "by version 1").json)
        self.n.equal((ended["version"], ended["status"], self.stack.sent_mail("bob@example.com")), ("v1", "failed", []),
                     "v1 knows push alone: a device that is gone is a failure there, and no e-mail follows")

    def follows(self, percentage):
        """Moves the parameter, and measures all 1,000 until every one of them follows it."""
        wanted = {one for one in CROWD if is_in_v2(one, percentage)}
        witness = self._witness(wanted)
        changed = self.set(percentage)
        self.n.tell(f"aws ssm put-parameter ... --value {percentage}")
        while True:
            self.n.wait(lambda: (self.version_of(witness) == "v2") == (witness in wanted),
                        FOLLOWS_WITHIN_SECONDS, f"the change to {percentage} takes effect")
            asked = time.monotonic() - changed
            found = self._in_v2()
            if found == wanted:
                break
            self.n.tell(f"{len(found ^ wanted)} of 1,000 do not follow yet ({asked:.1f} s after the change)")
            if asked >= FOLLOWS_WITHIN_SECONDS:
                raise NotSo(f"{len(found ^ wanted)} of 1,000 do not follow {percentage} {asked:.0f} s after the change")
        took = time.monotonic() - changed - asked
        self.n.ok(f"{percentage} % -> {len(found)} of 1,000 in v2, exactly those whose hash says so; "
                  f"asked {asked:.1f} s after the change, answered in {took:.1f} s")

    def _witness(self, wanted):
        """Somebody whose version the change changes."""
        return next(one for one in CROWD if (self.version_of(one) == "v2") != (one in wanted))

    def _in_v2(self):
        """Sends to all 1,000 and answers with those whose notification went by version 2."""
        halves = [CROWD[start:start + BATCH] for start in range(0, len(CROWD), BATCH)]
        with concurrent.futures.ThreadPoolExecutor() as pool:
            items = [item for half in pool.map(self._send_batch, halves) for item in half]
        self.messages += len(items)
        versions = {item["to"]: item["version"] for item in items}
        if set(versions.values()) - {"v1", "v2"} or list(versions) != CROWD:
            raise NotSo(f"each of 1,000 has a version; found {len(versions)} with {set(versions.values())}")
        return {recipient for recipient, version in versions.items() if version == "v2"}

    def _send_batch(self, recipients):
        content = {"title": "Which version?", "body": "Nobody is registered."}
        messages = [{"to": one, "content": content} for one in recipients]
        return self.stack.expect(202, "send", "POST", "/v1/notifications/batch", {"messages": messages}).json["items"]
