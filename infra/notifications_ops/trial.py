"""Sends of the smoke check: creates recipients, sends messages, waits for each result, and erases the recipients."""

import concurrent.futures
import datetime
import decimal
import hashlib
import secrets
import time
import urllib.parse

RECIPIENTS = 10
CONCURRENT_SENDS = 4
# Time limit of a message's result. Retries and fallbacks run once a minute.
SETTLED_WITHIN_SECONDS = 150
REACHED = ("accepted", "delivered")
OPEN = ("scheduled", "held", "sending", "cascading")
# Mailbox simulator of SES. Any label is accepted. Nothing is delivered, and the usual price is charged.
# https://docs.aws.amazon.com/ses/latest/dg/send-an-email-from-console.html
MAILBOX = "success+{}@simulator.amazonses.com"


def bucket(recipient):
    """Bucket of a recipient, from 0 to 9,999 (docs/design/rollout.md)."""
    return int.from_bytes(hashlib.sha256(f"push-v2:{recipient}".encode()).digest()[:8], "big") % 10_000


def version(recipient, percentage):
    """Version of the service for this recipient."""
    return "v2" if bucket(recipient) < decimal.Decimal(percentage) * 100 else "v1"


def ids(percentage, only_v2):
    """New recipient ids. For e-mail, all of them are in v2, because v1 sends push only."""
    run, count, found = secrets.token_hex(4), 0, []
    while len(found) < RECIPIENTS:
        one, count = f"smoke-{run}-{count}", count + 1
        if not only_v2 or version(one, percentage) == "v2":
            found.append(one)
    return found


class Trial:
    """Run of the check. `subscribe` makes a browser's push subscription; without it, messages are sent by e-mail."""

    def __init__(self, caller, percentage, subscribe=None):
        self.caller, self.percentage, self.subscribe = caller, percentage, subscribe
        self.channel = "push" if subscribe else "email"
        self.recipients = ids(percentage, only_v2=subscribe is None)
        self.response_ms, self.refused, self.sent = [], [], []

    def register(self):
        """Creates the recipients. The first error ends the run."""
        for one in self.recipients:
            if self.subscribe:
                self._expect("PUT", f"/v1/recipients/{one}/devices", self.subscribe(), (200, 201))
            else:
                self._expect("PUT", f"/v1/recipients/{one}", {"email": MAILBOX.format(one)}, (200, 201))

    def _expect(self, method, path, body, statuses):
        response = self.caller.call("recipients", method, path, body)
        if response.status not in statuses:
            errors = "; ".join(f"{one['field']} {one['message']}" for one in response.json.get("errors", []))
            raise SystemExit(f"{method} {path} returned {response.status}: {response.json.get('detail', '')} {errors}")

    def message(self, recipient):
        return {"to": recipient, "channels": [self.channel],
                "content": {"title": "Smoke test", "body": "Sent by make smoke."}}

    def explain(self):
        """Response of `explain` for one of the messages."""
        return self.caller.call("send", "POST", "/v1/notifications/explain", self.message(self.recipients[0])).json

    def send(self, count):
        """Sends `count` messages to the recipients in turn, and waits for the result of each."""
        to = [self.recipients[number % RECIPIENTS] for number in range(count)]
        with concurrent.futures.ThreadPoolExecutor(CONCURRENT_SENDS) as pool:
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
            response = self.caller.call("send", "POST", "/v1/notifications", self.message(recipient),
                                      Idempotency_Key=secrets.token_hex(16))
        except OSError as error:
            self.refused.append(type(error).__name__)
            return
        self.response_ms.append((time.monotonic() - began) * 1e3)
        if response.status == 202:
            self.sent.append(response.json)
        else:
            self.refused.append(f"{response.status} {response.json.get('type', '')}".strip())

    def _open(self):
        return [place for place, one in enumerate(self.sent) if one["status"] in OPEN]

    def statuses(self):
        """Number of messages by status; `refused` counts requests that created no notification."""
        found = {"refused": len(self.refused)} if self.refused else {}
        for one in self.sent:
            found[one["status"]] = found.get(one["status"], 0) + 1
        return found

    def latencies_ms(self):
        """Time from the acceptance of each message to the end of its first accepted attempt."""
        return [latency for one in self.sent if (latency := latency_ms(one)) is not None]

    def misplaced(self):
        """Recipients whose version does not match their bucket."""
        return {one["to"] for one in self.sent if one["version"] != version(one["to"], self.percentage)}

    def erase(self):
        """Erases the recipients with their messages. Returns the recipients whose erasure failed."""
        left = []
        for one in self.recipients:
            if self.caller.call("recipients", "DELETE", f"/v1/recipients/{one}").status != 200:
                left.append(one)
        return left


def latency_ms(notification):
    """Time to the end of the first accepted attempt; None if no attempt was accepted."""
    accepted = [attempt for attempt in notification["attempts"] if attempt["outcome"] == "accepted"]
    if not accepted:
        return None
    first = min(accepted, key=lambda attempt: attempt["at"])
    waited = moment(first["at"]) - moment(notification["created_at"])
    return waited / datetime.timedelta(milliseconds=1) + first["latency_ms"]


def moment(text):
    """Parses a time of the API. Python 3.10 parses neither `Z` nor fractions with other lengths than 3 and 6."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    return datetime.datetime.fromisoformat(f"{whole}.{fraction[:6]:0<6}+00:00")
