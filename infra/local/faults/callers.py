"""Callers that follow the API's documentation: they repeat a request with an idempotency key after 409 and 503."""

import dataclasses
import time

# A repeat waits for the time in Retry-After, but at most for this, to keep the test short.
LONGEST_WAIT_SECONDS = 3


@dataclasses.dataclass
class Reply:
    """One response: its route, status, duration and Retry-After."""

    route: str
    status: int
    seconds: float
    retry_after: int | None = None

    @property
    def is_allowed(self):
        """True if the status is allowed during a fault: a success, or 409 or 503 with Retry-After."""
        return 200 <= self.status < 300 or (self.status in (409, 503) and self.retry_after is not None)


@dataclasses.dataclass
class Message:
    """One message to its own recipient. `marker` is its title, so that it can be counted at every provider."""

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
    """Several messages in one request, with an idempotency key."""

    key: str
    messages: list
    replies: list = dataclasses.field(default_factory=list)

    @property
    def accepted(self):
        return all(message.accepted for message in self.messages)


def ask(stack, scope, method, path, body=None, **headers):
    """Makes one call and returns (reply, JSON). A broken connection has the status 0."""
    began, route = time.monotonic(), f"{method} {path.partition('?')[0]}"
    try:
        answer = stack.call(scope, method, path, body, **headers)
    except (OSError, ValueError):
        return Reply(route, 0, time.monotonic() - began), None
    after = answer.headers.get("Retry-After")
    return Reply(route, answer.status, time.monotonic() - began, int(after) if after else None), answer.json


def send(stack, request):
    """Sends a message or a batch once, and stores the response in it."""
    is_batch = isinstance(request, Batch)
    body = {"messages": [message.body for message in request.messages]} if is_batch else request.body
    headers = {"Idempotency_Key": request.key} if request.key else {}
    reply, found = ask(stack, "send", "POST", "/v1/notifications" + ("/batch" if is_batch else ""), body, **headers)
    request.replies.append(reply)
    if reply.status == 202:
        for message, entry in zip(request.messages, found["items"]) if is_batch else [(request, found)]:
            message.accepted = "id" in entry
    return reply


def send_with_retries(stack, request, tries):
    """Sends up to `tries` times, until accepted. Without a key, sends once."""
    for made in range(1, tries + 1):
        reply = send(stack, request)
        if request.accepted or request.key is None or made == tries:
            return
        time.sleep(min(reply.retry_after or 1, LONGEST_WAIT_SECONDS))


def other_routes(person, leaver, notification):
    """Calls of the routes that send nothing, as arguments of `ask`. The erasure is for `leaver`, the others for `person`."""
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
