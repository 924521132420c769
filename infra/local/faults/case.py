"""One case: a fault of one service, requests under it, its end, and the count of what became of them."""

import concurrent.futures
import dataclasses
import itertools
import os
import time

from .callers import Batch, Message, ask, other_routes, send, send_patiently
from .kinds import rule
from .verdict import is_settled, judge

# First some of the calls, so that work is cut in the middle; then all of them.
WAVES = (0.5, 1.0)
CHANNELS = {"dynamodb": ("push", "email", "sms"), "ses": ("email",), "sns": ("sms",), "ssm": ("push", "email", "sms")}
PER_CHANNEL = {"dynamodb": 4, "ses": 6, "sns": 6, "ssm": 2}
TRIES_UNDER_FAULT = 3
# A wave lasts at least so long, or a short fault would be over before anybody had met it twice.
WAVE_SECONDS = 2 if os.environ.get("SHORT") else 5
# How long a process may go on with what it knows of SSM before it asks again.
STALE_SECONDS = 11
# Everything must be well again within this: a lease, the time-out behind it, and a minute's schedule.
RECOVERY_SECONDS = 120


@dataclasses.dataclass
class Lane:
    """One local stack with its proxy and its push service."""

    name: str
    stack: object
    inside: object
    proxy: object
    push_service: object
    numbers: itertools.count = dataclasses.field(default_factory=itertools.count)


class Case:
    """A fault kind at a service, in a lane."""

    def __init__(self, lane, kind, service):
        self.lane, self.kind, self.service = lane, kind, service
        self._serial = next(lane.numbers)
        self.requests, self.replies = [], []

    @property
    def messages(self):
        """Every message, those in batches too."""
        return [one for request in self.requests for one in getattr(request, "messages", [request])]

    def run(self):
        """The verdict."""
        waves = [self._requests(wave) for wave in range(len(WAVES))]
        self.requests = [request for wave in waves for request in wave]
        # Few at once: a cold start of everything together would be a fault of its own.
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(self._register, self.messages))
        with concurrent.futures.ThreadPoolExecutor(40) as pool:
            self._warm_up()
            injected = sum(self._wave(pool, wave, share) for wave, share in zip(waves, WAVES))
            ended = time.monotonic()
            self._recover(pool, ended)
            recovered = time.monotonic() - ended
            after = list(pool.map(self._ask, other_routes(*self._bystanders)))
        return judge(self, injected, recovered, [reply for reply in after if reply.status >= 300], self._stored())

    def _requests(self, wave):
        made, numbers = [], itertools.count()

        def message(channel, key):
            marker = f"c{self._serial}w{wave}n{next(numbers)}"
            return Message(marker, channel, f"key-{marker}" if key else None)

        for channel in CHANNELS[self.service]:
            made += [message(channel, number % 2 == 0) for number in range(PER_CHANNEL[self.service])]
        batch = [message(channel, False) for channel in CHANNELS[self.service] for _ in range(2)]
        return [*made, Batch(f"key-c{self._serial}w{wave}", batch)]

    def _register(self, message):
        path, stack = f"/v1/recipients/{message.marker}", self.lane.stack
        number = int.from_bytes(message.marker.encode(), "big") % 10_000_000
        profile = {"email": {"email": f"{message.marker}@example.com"}, "sms": {"phone": f"+39333{number:07}"}}
        if message.channel == "push":
            subscription = self.lane.push_service.subscribe().subscription()
            stack.expect(201, "recipients", "PUT", f"{path}/devices", subscription)
        else:
            stack.expect(201, "recipients", "PUT", path, profile[message.channel])

    def _warm_up(self):
        """A notification before the fault, for the routes that read one; and for SSM the time that values serve."""
        person, leaver = f"c{self._serial}stays", f"c{self._serial}leaves"
        for one in (person, leaver):
            self.lane.stack.expect(201, "recipients", "PUT", f"/v1/recipients/{one}", {"email": "by@example.com"})
        sent = self.lane.stack.expect(202, "send", "POST", "/v1/notifications", Message(person, "email").body)
        self._bystanders = (person, leaver, sent.json["id"])
        if self.service == "ssm":
            time.sleep(STALE_SECONDS)

    def _wave(self, pool, requests, share):
        """Injects, sends everything at once, and ends the fault when every answer is there. How many calls were met."""
        self.lane.proxy.inject(rule(self.kind, self.service, share))
        began = time.monotonic()
        if self.service == "ssm" and share == 1.0:
            self.lane.inside.start_cold()
        work = [pool.submit(send_patiently, self.lane.stack, request, TRIES_UNDER_FAULT) for request in requests]
        if self.service in ("dynamodb", "ssm"):
            work += [pool.submit(self._ask, call) for call in other_routes(*self._bystanders)]
        work.append(pool.submit(self.lane.inside.sweep))
        for one in concurrent.futures.as_completed(work):
            one.result()
        time.sleep(max(0, WAVE_SECONDS - (time.monotonic() - began)))
        return self.lane.proxy.calm()

    def _ask(self, call):
        self.replies.append(ask(self.lane.stack, *call)[0])
        return self.replies[-1]

    def _recover(self, pool, ended):
        """Callers come again, the minute's run comes each second, until nothing is left to do or the time is up."""
        while time.monotonic() - ended < RECOVERY_SECONDS:
            waiting = [request for request in self.requests if request.key and not request.accepted]
            list(pool.map(lambda request: send(self.lane.stack, request), waiting))
            self.lane.inside.sweep()
            if is_settled(self, self.lane.inside.stored()):
                return
            time.sleep(1)

    def _stored(self):
        return self.lane.inside.stored(), self.lane.inside.mails(), self.lane.inside.texts()
