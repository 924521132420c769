"""Callers as the API's documentation wants them: a request with a key is repeated when the answer says so."""

import dataclasses
import time

# A repeat waits as long as Retry-After says, but a test of minutes does not wait longer than this.
LONGEST_WAIT_SECONDS = 3


@dataclasses.dataclass
class Reply:
    """One answer: to what, its status, how long it took, and whether it says when to come again."""

    route: str
    status: int
    seconds: float
    retry_after: int | None = None

    @property
    def is_promised(self):
        """What a caller may get while AWS is at fault: a success, or a word when to come again."""
        return 200 <= self.status < 300 or (self.status in (409, 503) and self.retry_after is not None)


@dataclasses.dataclass
class Message:
    """One message to one person of its own; `marker` stands in it, so that it can be counted wherever it arrives."""

    marker: str
    channel: str
    key: str | None = None
    accepted: bool = False
    replies: list = dataclasses.field(default_factory=list)

    @property
    def body(self):
        return {"to": self.marker, "content": {"title": self.marker, "body": "under fault"}}


@dataclasses.dataclass
class Batch:
    """Several messages in one request, with a key."""

    key: str
    messages: list
    replies: list = dataclasses.field(default_factory=list)

    @property
    def accepted(self):
        return all(message.accepted for message in self.messages)


def ask(stack, scope, method, path, body=None, **headers):
    """(reply, JSON) of one call; a connection that breaks counts as status 0."""
    began, route = time.monotonic(), f"{method} {path.partition('?')[0]}"
    try:
        answer = stack.call(scope, method, path, body, **headers)
    except (OSError, ValueError):
        return Reply(route, 0, time.monotonic() - began), None
    after = answer.headers.get("Retry-After")
    return Reply(route, answer.status, time.monotonic() - began, int(after) if after else None), answer.json


def send(stack, request):
    """One try of a message or a batch; notes what was answered."""
    is_batch = isinstance(request, Batch)
    body = {"messages": [message.body for message in request.messages]} if is_batch else request.body
    headers = {"Idempotency_Key": request.key} if request.key else {}
    reply, found = ask(stack, "send", "POST", "/v1/notifications" + ("/batch" if is_batch else ""), body, **headers)
    request.replies.append(reply)
    if reply.status == 202:
        for message, entry in zip(request.messages, found["items"]) if is_batch else [(request, found)]:
            message.accepted = "id" in entry
    return reply


def send_patiently(stack, request, tries):
    """Up to `tries` tries, as far as the key allows and the answers ask for it."""
    for made in range(1, tries + 1):
        reply = send(stack, request)
        if request.accepted or request.key is None or made == tries:
            return
        time.sleep(min(reply.retry_after or 1, LONGEST_WAIT_SECONDS))


def other_routes(person, leaver, notification):
    """Every route that sends nothing, as arguments of `ask`: about somebody who stays, but for the erasure."""
    one, about = f"/v1/recipients/{person}", Message(person, "email").body
    return [
        ("send", "POST", "/v1/notifications/explain", about),
        ("send", "GET", f"/v1/notifications/{notification}"),
        ("ops", "GET", "/v1/notifications?status=failed"),
        ("recipients", "PUT", one, {"email": "bystander@example.com"}),
        ("recipients", "GET", one),
        ("recipients", "GET", f"{one}/notifications"),
        ("recipients", "DELETE", f"/v1/recipients/{leaver}"),
        ("ops", "GET", "/v1/metrics"),
        ("ops", "POST", "/v1/cleanup", {"dry_run": True}),
    ]
