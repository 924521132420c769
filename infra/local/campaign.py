"""Runs a campaign to many people on a deployed stack: `make campaign N=20000 [RATE=100]`.

    N=20000 RATE=100 python infra/local/with_stack.py python infra/local/campaign.py

RATE is the campaign's limit, in people per second. Without it, the campaign takes all the machine has, so that the single
sends beside it wait for the processor, which Lambda functions do not share.

Registers N people with a device each, plans, approves and launches a campaign that rolls itself out, pauses and resumes it
on the way, and sends single notifications beside it. At the end, each person must have received the message once.
"""

import collections
import concurrent.futures
import http.server
import os
import statistics
import sys
import threading
import time
import urllib.parse

from story.deployed import Deployed
from story.narrator import CheckFailed
from story.push_service import Browser

BATCH = 100
IMPORTS_AT_ONCE = 4
IMPORT_TRIES = 5
SINGLE = "single"
FASTEST_RATE = 5_000
POLL_SECONDS = 2
LIMIT_SECONDS = 1_800
PAUSE_LIMIT_SECONDS = 10
# Single sends before the campaign, with which those beside it are compared.
ALONE_SECONDS = 60


class CountingPushService:
    """Answers 201 to every push, and counts them by endpoint. It does not decrypt, so that it is not what limits the rate."""

    def __init__(self, origin):
        self.pushes, self.topics = collections.Counter(), collections.defaultdict(set)
        self.last_at = 0.0
        address = urllib.parse.urlsplit(origin)
        self._server = http.server.ThreadingHTTPServer((address.hostname, address.port), self._handler())
        self._server.daemon_threads = True
        self._lock = threading.Lock()

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()

    def total(self):
        with self._lock:
            return sum(self.pushes.values()) - self.pushes[f"/push/{SINGLE}"]

    def take(self, path, topic):
        with self._lock:
            self.pushes[path] += 1
            self.topics[path].add(topic)
            if path != f"/push/{SINGLE}":
                self.last_at = time.monotonic()

    def _handler(service):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length", "0")))
                service.take(self.path, self.headers.get("Topic"))
                self.send_response(201)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        return Handler


class SingleSends:
    """Sends single notifications one after another, and keeps the durations of the calls in milliseconds."""

    def __init__(self, stack):
        self._stack, self._stop, self.durations = stack, threading.Event(), []

    def __enter__(self):
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def _run(self):
        while not self._stop.is_set():
            self._one()

    def _one(self):
        began = time.monotonic()
        message = {"to": SINGLE, "content": {"title": "Single", "body": "Beside a campaign"}}
        self._stack.expect(202, "send", "POST", "/v1/notifications", message)
        self.durations.append((time.monotonic() - began) * 1_000)
        time.sleep(0.05)

    def summary(self):
        cuts = statistics.quantiles(self.durations, n=100) if len(self.durations) > 1 else [0.0] * 99
        return f"p50 {cuts[49]:.0f}, p99 {cuts[98]:.0f} ms ({len(self.durations)} sends)"


def say(text):
    print(f"-- {text}", flush=True)


def register(stack, origin, people):
    """Registers the people through the import route, with progress."""
    keys = Browser("unused").subscription()["keys"]

    def item(name):
        device = {"endpoint": f"{origin}/push/{name}", "expirationTime": None, "keys": keys}
        return {"id": name, "locale": "it-IT", "time_zone": "Europe/Rome", "devices": [device]}

    def batch(first):
        items = [item(f"person-{number}") for number in range(first, min(first + BATCH, people))]
        for _ in range(IMPORT_TRIES):
            answer = stack.expect(200, "recipients", "POST", "/v1/recipients/batch", {"items": items, "mode": "upsert"})
            bad = [one for one in answer.json["items"] if one.get("result") not in ("created", "updated", "unchanged")]
            # A busy machine does not reach every item within the time of a request.
            if any(one["problem"]["status"] != 503 for one in bad):
                break
            items = [items[one["index"]] for one in bad]
            if not items:
                return
        raise CheckFailed(f"a person was not registered: {bad[0]}")

    stack.token("recipients")
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(IMPORTS_AT_ONCE) as pool:
        for done, _ in enumerate(pool.map(batch, range(0, people, BATCH)), 1):
            if done % 20 == 0:
                say(f"{min(done * BATCH, people)} of {people} people after {time.monotonic() - began:.0f} s")
    stack.expect(201, "recipients", "PUT", f"/v1/recipients/{SINGLE}", {"locale": "it-IT"})
    device = {"endpoint": f"{origin}/push/{SINGLE}", "expirationTime": None, "keys": keys}
    stack.expect(201, "recipients", "PUT", f"/v1/recipients/{SINGLE}/devices", device)
    say(f"{people} people are registered after {time.monotonic() - began:.0f} s")


def wait(what, is_reached, limit=LIMIT_SECONDS):
    """Polls until `is_reached` returns something."""
    until = time.monotonic() + limit
    while time.monotonic() < until:
        found = is_reached()
        if found:
            return found
        time.sleep(POLL_SECONDS)
    raise CheckFailed(f"{what} is not reached within {limit} s")


class CampaignRun:
    """One campaign from its draft to its end."""

    def __init__(self, stack, service, people, rate):
        self.stack, self.service, self.people, self.rate = stack, service, people, rate

    def call(self, status, action, body=None, method="POST"):
        return self.stack.expect(status, "ops", method, f"/v1/campaigns/{self.id}/{action}", body).json

    def progress(self):
        return self.call(200, "progress", method="GET")

    def is_prepared(self):
        kind = {"title": "News", "class": "marketing", "channels": ["push"]}
        self.stack.expect(201, "ops", "PUT", "/v1/types/NEWS", kind)
        definition = {
            "title": "To everybody", "type": "NEWS", "content": {"title": "News", "body": "For everybody"},
            "filter": {"not": {"field": "attributes.no", "op": "eq", "value": True}},
            "exclude": {"filter": {"field": "devices.count", "op": "eq", "value": 0}},
            "rate_per_second": self.rate, "rollout": {"steps": [{"percent": 10}, {"percent": 100}]},
        }
        self.id = self.stack.expect(201, "ops", "POST", "/v1/campaigns", definition).json["id"]
        began = time.monotonic()
        self.call(202, "plan")
        planned = wait("the plan", lambda: self.shown_plan())
        say(f"planned in {time.monotonic() - began:.0f} s: {planned['matched']} people, {planned['by_channel']}, "
            f"{planned['tasks']} tasks; nothing was sent: {self.service.total() == 0}")
        if planned["matched"] != self.people + 1 or self.service.total():
            raise CheckFailed(f"the plan should count {self.people + 1} people and send nothing: {planned}")
        self.call(200, "approve", {})

    def shown_plan(self):
        plan = self.progress()["plan"]
        return plan["numbers"] if plan["is_complete"] else None

    def is_sent(self):
        began = time.monotonic()
        self.call(200, "launch", {})
        say("launched: 10 % first")
        wait("a third of the people", lambda: self.service.total() > self.people / 3 or self._tell())
        self.is_paused()
        self.call(200, "resume")
        progress = wait("the end", lambda: self._ended())
        seconds = time.monotonic() - began
        numbers = progress["sending"]["numbers"]
        say(f"{progress['state']} after {seconds:.0f} s: {numbers['sent']} sent, {numbers['tasks_done']} of "
            f"{numbers['tasks']} tasks done, balanced: {numbers['balanced']}")
        return numbers

    def is_watched_for(self, seconds):
        """Asks for the progress as often as while the campaign is sent, so that single sends differ in the campaign alone."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.progress()
            time.sleep(POLL_SECONDS)

    def is_paused(self):
        self.call(200, "pause")
        at = time.monotonic()
        time.sleep(PAUSE_LIMIT_SECONDS + 2)
        late, before = max(0.0, self.service.last_at - at), self.service.total()
        time.sleep(3)
        say(f"paused at {before} people: the last push came {late:.1f} s after the request")
        if late > PAUSE_LIMIT_SECONDS or self.service.total() != before:
            raise CheckFailed(f"a pause should take effect within {PAUSE_LIMIT_SECONDS} s")

    def _tell(self):
        numbers = self.progress()["sending"]["numbers"]
        if not numbers["balanced"]:
            raise CheckFailed(f"the numbers do not add up: {numbers}")
        say(f"{numbers['matched']} of {self.people + 1} people, {numbers['tasks_done']} of {numbers['tasks']} tasks")

    def _ended(self):
        self._tell()
        progress = self.progress()
        return progress if progress["state"] in ("finished", "finishing", "paused", "failed") else None


def check_each_once(service, numbers, people):
    """Every person received the message, under one topic."""
    paths = [f"/push/person-{number}" for number in range(people)]
    missed = [path for path in paths if service.pushes[path] == 0]
    repeated = [path for path in paths if service.pushes[path] > 1]
    topics = [path for path in paths if len(service.topics[path]) > 1]
    say(f"missed: {len(missed)}, pushed again under one topic: {len(repeated)}, under two topics: {len(topics)}")
    if missed or topics or any(service.pushes[path] > 2 for path in repeated) or not numbers["balanced"]:
        raise CheckFailed("each person should receive the message once")


def run(people, rate):
    stack, origin = Deployed.from_environment(), os.environ["PUSH_ORIGIN"]
    with CountingPushService(origin) as service:
        register(stack, origin, people)
        campaign = CampaignRun(stack, service, people, rate)
        campaign.is_prepared()
        with SingleSends(stack) as alone:
            campaign.is_watched_for(ALONE_SECONDS)
        with SingleSends(stack) as beside:
            numbers = campaign.is_sent()
        check_each_once(service, numbers, people)
        say(f"single sends alone: {alone.summary()}; beside the campaign: {beside.summary()}")


def main():
    people, began = int(os.environ.get("N") or 2_000), time.monotonic()
    try:
        run(people, int(os.environ.get("RATE") or FASTEST_RATE))
    except (CheckFailed, OSError) as error:
        print(f"  FAILED  {error}", flush=True)
        sys.exit(1)
    print(f"done: a campaign reached {people} people, each once, in {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
