"""Sends of the smoke check: its own recipients, messages to them, the result of each message, and the recipients' erasure."""

import concurrent.futures
import datetime
import decimal
import hashlib
import secrets
import time
import urllib.parse

RECIPIENTS = 10
AT_ONCE = 4
# Time limit of a message's result. A retry or a fallback has minute precision.
SETTLED_WITHIN_SECONDS = 150
REACHED = ("accepted", "delivered")
OPEN = ("scheduled", "held", "sending", "cascading")
# SES accepts mail to this address, with any label, delivers it nowhere, and charges for it as for any other.
# https://docs.aws.amazon.com/ses/latest/dg/send-an-email-from-console.html
MAILBOX = "success+{}@simulator.amazonses.com"


def bucket(recipient):
    """Bucket of a recipient, of 10,000 (docs/architecture.md, rollout)."""
    return int.from_bytes(hashlib.sha256(f"push-v2:{recipient}".encode()).digest()[:8], "big") % 10_000


def version(recipient, percentage):
    """Version that serves this recipient."""
    return "v2" if bucket(recipient) < decimal.Decimal(percentage) * 100 else "v1"


def ids(percentage, only_v2):
    """New recipient ids; for e-mail those that are in v2, since v1 knows push alone."""
    run, count, found = secrets.token_hex(4), 0, []
    while len(found) < RECIPIENTS:
        one, count = f"smoke-{run}-{count}", count + 1
        if not only_v2 or version(one, percentage) == "v2":
            found.append(one)
    return found


class Trial:
    """A run of the check. `subscribe` makes a browser's push subscription; without it messages go by e-mail."""

    def __init__(self, caller, percentage, subscribe=None):
        self.caller, self.percentage, self.subscribe = caller, percentage, subscribe
        self.channel = "push" if subscribe else "email"
        self.recipients = ids(percentage, only_v2=subscribe is None)
        self.answer_ms, self.refused, self.sent = [], [], []

    def register(self):
        """Creates the recipients; the first error ends the run."""
        for one in self.recipients:
            if self.subscribe:
                self._must("PUT", f"/v1/recipients/{one}/devices", self.subscribe(), (200, 201))
            else:
                self._must("PUT", f"/v1/recipients/{one}", {"email": MAILBOX.format(one)}, (200, 201))

    def _must(self, method, path, body, statuses):
        answer = self.caller.call("recipients", method, path, body)
        if answer.status not in statuses:
            errors = "; ".join(f"{one['field']} {one['message']}" for one in answer.json.get("errors", []))
            raise SystemExit(f"{method} {path} answered {answer.status}: {answer.json.get('detail', '')} {errors}")

    def message(self, recipient):
        return {"to": recipient, "channels": [self.channel],
                "content": {"title": "Smoke test", "body": "Sent by make smoke; no reader is expected."}}

    def explain(self):
        """Answer of `explain` for one of the messages."""
        return self.caller.call("send", "POST", "/v1/notifications/explain", self.message(self.recipients[0])).json

    def send(self, count):
        """Sends `count` messages to the recipients in turn, and waits until each has its result."""
        to = [self.recipients[number % RECIPIENTS] for number in range(count)]
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(self._send, to))
        deadline = time.monotonic() + SETTLED_WITHIN_SECONDS
        while self._open() and time.monotonic() < deadline:
            time.sleep(2)
            for place in self._open():
                path = f"/v1/notifications/{urllib.parse.quote(self.sent[place]['id'])}"
                self.sent[place] = self.caller.get("send", path)

    def _send(self, recipient):
        began = time.monotonic()
        try:
            answer = self.caller.call("send", "POST", "/v1/notifications", self.message(recipient),
                                      Idempotency_Key=secrets.token_hex(16))
        except OSError as error:
            self.refused.append(type(error).__name__)
            return
        self.answer_ms.append((time.monotonic() - began) * 1e3)
        if answer.status == 202:
            self.sent.append(answer.json)
        else:
            self.refused.append(f"{answer.status} {answer.json.get('type', '')}".strip())

    def _open(self):
        return [place for place, one in enumerate(self.sent) if one["status"] in OPEN]

    def statuses(self):
        """Number of messages by status; `refused` ones never became a notification."""
        found = {"refused": len(self.refused)} if self.refused else {}
        for one in self.sent:
            found[one["status"]] = found.get(one["status"], 0) + 1
        return found

    def latencies_ms(self):
        """Time of each message from its acceptance to the end of its first accepted attempt."""
        return [latency for one in self.sent if (latency := latency_ms(one)) is not None]

    def strayed(self):
        """Recipients whose version differs from that of their bucket."""
        return {one["to"] for one in self.sent if one["version"] != version(one["to"], self.percentage)}

    def erase(self):
        """Erases the recipients with their messages, and returns the recipients that are still there."""
        left = []
        for one in self.recipients:
            if self.caller.call("recipients", "DELETE", f"/v1/recipients/{one}").status != 200:
                left.append(one)
        return left


def latency_ms(notification):
    """Time to the end of the first accepted attempt; None if there is none."""
    accepted = [attempt for attempt in notification["attempts"] if attempt["outcome"] == "accepted"]
    if not accepted:
        return None
    first = min(accepted, key=lambda attempt: attempt["at"])
    waited = moment(first["at"]) - moment(notification["created_at"])
    return waited / datetime.timedelta(milliseconds=1) + first["latency_ms"]


def moment(text):
    """Parses a time of the API. Python 3.10 itself reads neither `Z` nor fractions of other lengths than 3 and 6."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    return datetime.datetime.fromisoformat(f"{whole}.{fraction[:6]:0<6}+00:00")
