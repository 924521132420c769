"""One case: injects a fault of one service, makes requests, ends the fault, and judges the results."""

import concurrent.futures
import dataclasses
import itertools
import os
import time

from .callers import Batch, Message, ask, other_routes, send, send_with_retries
from .kinds import rule
from .verdict import is_settled, judge

SHORT = bool(os.environ.get("SHORT"))
# Share of the calls that fail in each wave. The first wave interrupts work in the middle.
WAVES = (0.5,) if SHORT else (0.5, 1.0)
CHANNELS = {"dynamodb": ("push", "email", "sms"), "ses": ("email",), "sns": ("sms",), "ssm": ("push", "email", "sms")}
PER_CHANNEL = {"dynamodb": 4, "ses": 6, "sns": 6, "ssm": 2}
TRIES_UNDER_FAULT = 3
# Functions whose processes are replaced before a wave of SSM. Cascade works on its own: replacing it can end a paid call,
# whose lease the short form would have to wait for.
COLD = ("Send", "Recipients") if SHORT else ("Send", "Cascade", "Recipients")
# Minimum duration of a wave, so that a short fault affects more than one call.
WAVE_SECONDS = 2 if SHORT else 5
# Time after which a process reads its SSM parameters again.
STALE_SECONDS = 11
# Time limit of the recovery: a lease, the function's time-out, and the minute schedule.
RECOVERY_SECONDS = 120


@dataclasses.dataclass
class Lane:
    """One local stack with its proxy and its push service."""

    name: str
    stack: object
    direct_aws: object
    proxy: object
    push_service: object
    numbers: itertools.count = dataclasses.field(default_factory=itertools.count)


class Case:
    """One kind of fault at one service, in one lane."""

    def __init__(self, lane, kind, service):
        self.lane, self.kind, self.service = lane, kind, service
        self._serial = next(lane.numbers)
        self.requests, self.replies = [], []

    @property
    def messages(self):
        """All messages, including those in batches."""
        return [one for request in self.requests for one in getattr(request, "messages", [request])]

    def run(self):
        """Runs the case and returns its verdict."""
        waves = [self._requests(wave) for wave in range(len(WAVES))]
        self.requests = [request for wave in waves for request in wave]
        # Few at once, because many cold starts together would be another fault.
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
        """Creates a notification before the fault, for the routes that read one. For SSM, waits until values expire.

        In the short form the wait is left out: its wave begins with new processes.
        """
        person, leaver = f"c{self._serial}stays", f"c{self._serial}leaves"
        for one in (person, leaver):
            self.lane.stack.expect(201, "recipients", "PUT", f"/v1/recipients/{one}", {"email": "by@example.com"})
        sent = self.lane.stack.expect(202, "send", "POST", "/v1/notifications", Message(person, "email").body)
        self._bystanders = (person, leaver, sent.json["id"])
        if self.service == "ssm" and not SHORT:
            time.sleep(STALE_SECONDS)

    def _wave(self, pool, requests, share):
        """Injects the fault, makes all requests at once, and ends the fault. Returns the number of calls that failed."""
        self.lane.proxy.inject(rule(self.kind, self.service, share))
        began = time.monotonic()
        if self.service == "ssm" and (SHORT or share == 1.0):
            self.lane.direct_aws.start_cold(COLD)
        work = [pool.submit(send_with_retries, self.lane.stack, request, TRIES_UNDER_FAULT) for request in requests]
        if self.service in ("dynamodb", "ssm"):
            work += [pool.submit(self._ask, call) for call in other_routes(*self._bystanders)]
        work.append(pool.submit(self.lane.direct_aws.sweep))
        for one in concurrent.futures.as_completed(work):
            one.result()
        time.sleep(max(0, WAVE_SECONDS - (time.monotonic() - began)))
        return self.lane.proxy.clear()

    def _ask(self, call):
        self.replies.append(ask(self.lane.stack, *call)[0])
        return self.replies[-1]

    def _recover(self, pool, ended):
        """Repeats the callers' requests and the minute run each second, until all is settled or the time limit is over."""
        while time.monotonic() - ended < RECOVERY_SECONDS:
            waiting = [request for request in self.requests if request.key and not request.accepted]
            list(pool.map(lambda request: send(self.lane.stack, request), waiting))
            self.lane.direct_aws.sweep()
            if is_settled(self, self.lane.direct_aws.stored()):
                return
            time.sleep(1)

    def _stored(self):
        return self.lane.direct_aws.stored(), self.lane.direct_aws.mails(), self.lane.direct_aws.texts()
