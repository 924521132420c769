"""Checks a deployed stage, prints a verdict for each check, and exits with 1 if one failed.

    make smoke STAGE=staging              sends 100 e-mails to the mailbox simulator of SES (about 0.01 EUR)
    make smoke STAGE=staging SENDS=0      sends nothing; compares the figures of the last hour with the same criteria
    make smoke                            on the local stack: sends 100 pushes to its own push service if the stack allows
                                          that origin (make up PARAMS="ExtraPushOrigins=http://127.0.0.1:18082"), else e-mails

The check creates its own recipients and erases them at its end. If the stage's tokens come from another issuer than its
user pool, put tokens into SEND_TOKEN, RECIPIENTS_TOKEN and OPS_TOKEN.
"""

import argparse
import contextlib
import math
import re
import time
import urllib.parse

from notifications_ops.parameters import PERCENTAGE
from notifications_ops.stage import open_stage
from notifications_ops.trial import REACHED, Trial

SUMMARY = "check a deployed stage: access, sends, figures of the last hour"
DELIVERY_ABOVE, ERRORS_BELOW, P95_BELOW_MS, HOUR_EURO = 0.95, 0.05, 3_000, 100
COUNTED_WITHIN_SECONDS = 90


class Verdicts:
    """Verdicts of the checks, printed one by one. A check without data neither passes nor fails."""

    def __init__(self):
        self.passed = self.failed = self.unknown = 0

    def add(self, holds, name, found=""):
        word = {True: "ok", False: "FAILED", None: "no data"}[holds]
        self.passed, self.failed = self.passed + (holds is True), self.failed + (holds is False)
        self.unknown += holds is None
        print(f"  {word:<8} {name:<43} {found}", flush=True)

    def end(self):
        """Prints the totals and returns the exit code: 1 if a check failed."""
        unknown = f", {self.unknown} without data" if self.unknown else ""
        print(f"{self.passed} passed, {self.failed} failed{unknown}", flush=True)
        return 1 if self.failed else 0


def p95(values):
    """95th percentile: the smallest value that 95 % of the values do not exceed."""
    return sorted(values)[math.ceil(0.95 * len(values)) - 1] if values else None


def check_access(verdicts, caller):
    """Checks that the API accepts the right tokens, and no others."""
    print("access", flush=True)
    for scope, path, wanted, name in (
        (None, "/v1/vapid-public-key", 200, "the public key needs no token"),
        (None, "/v1/metrics", 401, "no token is refused"),
        ("send", "/v1/metrics", 403, "a token of another scope is refused"),
        ("ops", "/v1/metrics", 200, "a token of the scope is accepted"),
    ):
        found = caller.call(scope, "GET", path).status
        verdicts.add(found == wanted, name, str(found))


def check_preview(verdicts, caller):
    """Previews the built-in template in both of its languages. Nothing is sent."""
    print("templates", flush=True)
    for locale, wanted in (("it-IT", "Certificato in scadenza"), ("en-GB", "Certificate expiring")):
        answer = caller.call("ops", "POST", "/v1/templates/certificate-expiring/preview", {"locale": locale})
        shown = answer.json if answer.status == 200 else {}
        title = shown.get("push", {}).get("payload", {}).get("title", "")
        parts = shown.get("sms", {}).get("parts")
        verdicts.add(wanted in title and bool(parts), f"preview of certificate-expiring in {locale}",
                     f"{title}; SMS of {parts} parts" if shown else str(answer.status))


def check_segment(verdicts, caller):
    """Creates a segment of all people with a device, counts it, and deletes it. No message is sent."""
    print("segments", flush=True)
    path = "/v1/segments/smoke-with-a-device"
    definition = {"title": "Smoke test: with a device", "filter": {"field": "has.push", "op": "eq", "value": True}}
    created = caller.call("ops", "PUT", path, definition).status
    counted = caller.call("ops", "POST", "/v1/segments/count", {"segment": "smoke-with-a-device"})
    people = counted.json["people"] if counted.status == 200 else {}
    deleted = caller.call("ops", "DELETE", path).status
    verdicts.add(created in (200, 201) and bool(people) and deleted == 204, "a segment is created, counted and deleted",
                 f"{people.get('at_least')} to {people.get('at_most')} people; {created}, {counted.status}, {deleted}")


def check_sends(verdicts, trial, count):
    """Sends the messages and checks their results."""
    cost = trial.explain().get("cost_estimate_micros", {}).get("first", 0) * count / 1e6
    print(f"{count} messages by {trial.channel} to {len(trial.recipients)} test recipients, for {cost:.4f} EUR", flush=True)
    counted_before = trial.caller.get("ops", "/v1/metrics?minutes=15")["summary"]["sent"]
    trial.send(count)
    statuses = trial.statuses()
    reached = sum(statuses.get(status, 0) for status in REACHED)
    bad = sum(statuses.get(status, 0) for status in ("failed", "uncertain", "expired", "refused"))
    verdicts.add(reached > DELIVERY_ABOVE * count, "success > 95 %", f"{reached} of {count}; {statuses}")
    verdicts.add(bad < ERRORS_BELOW * count, "errors < 5 %", f"{bad} of {count} {', '.join(sorted(set(trial.refused))[:3])}")
    slow = p95(trial.latencies_ms())
    verdicts.add(slow is not None and slow < P95_BELOW_MS, "p95 to the first accepted attempt < 3,000 ms",
                 "nothing was accepted" if slow is None else f"{slow:.0f} ms; callers waited {p95(trial.response_ms):.0f} ms")
    plan = [breaker for channel in trial.explain()["plan"] for breaker in channel["breakers"]]
    shown = ", ".join(f"{one['provider']} {one['state']}" for one in plan)
    verdicts.add(bool(plan) and all(one["state"] == "closed" for one in plan), "the providers' breakers are closed", shown)
    misplaced = trial.misplaced()
    verdicts.add(not misplaced, f"versions follow the rollout of {trial.percentage} %", ", ".join(sorted(misplaced)))
    deadline = time.monotonic() + COUNTED_WITHIN_SECONDS
    while (counted := trial.caller.get("ops", "/v1/metrics?minutes=15")["summary"]["sent"] - counted_before) < len(trial.sent):
        if time.monotonic() > deadline:
            break
        time.sleep(3)
    verdicts.add(counted >= len(trial.sent), "the metrics count them", f"{counted} of {len(trial.sent)}")


def check_last_hour(verdicts, caller, by_figures):
    """Checks the last hour. The rates are checked only if this run sent nothing, because its sends would improve them."""
    print("the last hour, v2" if by_figures else "the last hour", flush=True)
    health = caller.get("ops", "/v1/health")
    metrics = caller.get("ops", "/v1/metrics?minutes=60")
    if by_figures:
        v2 = metrics["by_version"]["v2"]
        of = f"of {v2['closed']}"
        for name, rate, holds in (
            ("delivery > 95 %", v2["delivery_rate"], lambda rate: rate > DELIVERY_ABOVE),
            ("errors < 5 %", v2["error_rate"], lambda rate: rate < ERRORS_BELOW),
        ):
            verdicts.add(None if rate is None else holds(rate), name, "" if rate is None else f"{rate:.2%} {of}")
        slow = v2["latency_ms"]["p95"]
        verdicts.add(None if slow is None else slow < P95_BELOW_MS, "p95 < 3,000 ms", "" if slow is None else f"{slow} ms")
    breakers = next(check for area in health["areas"] for check in area["checks"] if check["check"] == "breakers_not_closed")
    found = "; ".join(breakers.get("details", [])) or "all"
    verdicts.add(None if breakers["value"] is None else breakers["value"] == 0, "push breakers are closed", found)
    cost = metrics["summary"]["cost_micros"] / 1e6
    verdicts.add(cost <= HOUR_EURO, f"cost at most {HOUR_EURO} EUR", f"{cost:.4f} EUR")
    taken = [check["check"] for area in health["areas"] for check in area["checks"] if check["verdict"] == "taken"]
    print(f"           health {health['score']} of 100, {health['status']}; deductions: {', '.join(taken) or 'none'}", flush=True)


def check(caller, percentage, count, subscribe=None):
    """Runs all checks and returns the exit code."""
    verdicts = Verdicts()
    check_access(verdicts, caller)
    is_percentage = re.fullmatch(PERCENTAGE, percentage) is not None
    verdicts.add(is_percentage, "the rollout parameter is valid", percentage[:20])
    check_preview(verdicts, caller)
    check_segment(verdicts, caller)
    if count and is_percentage:
        if not subscribe and float(percentage) == 0:
            raise SystemExit("the rollout is 0, and v1 sends no e-mail; use SENDS=0 to check without sending")
        trial = Trial(caller, percentage, subscribe)
        try:
            trial.register()
            check_sends(verdicts, trial, count)
        finally:
            left = trial.erase()
        verdicts.add(not left, "the recipients are erased again", ", ".join(left))
    check_last_hour(verdicts, caller, by_figures=not count)
    return verdicts.end()


def sends_option(text):
    """Number of messages: 0, or at least 20, because fewer are not significant."""
    if not text.isdecimal() or not (int(text) == 0 or 20 <= int(text) <= 1_000):
        raise argparse.ArgumentTypeError(f"0, or 20 to 1000, not '{text}'")
    return int(text)


def add_arguments(parser):
    parser.add_argument("--sends", type=sends_option, default=100, metavar="COUNT",
                        help="messages to send: 20 to 1000, or 0 to send nothing (default: 100)")


def run(arguments):
    stage = open_stage(arguments.stage)
    with contextlib.ExitStack() as cleanups:
        subscribe = push_subscriptions(stage, cleanups) if stage.is_local and arguments.sends else None
        return check(stage.caller(), stage.rollout_percentage(), arguments.sends, subscribe)


def push_subscriptions(stage, cleanups):
    """Starts a push service on this machine, if the stage allows its origin. Returns a function that makes subscriptions."""
    origin = allowed_origin(stage)
    if not origin:
        return None
    from local.story.push_service import PushService  # needs the local stack's dependencies
    push_service = cleanups.enter_context(PushService(origin, stage.described["vapid_public_key"]))
    return lambda: push_service.subscribe().subscription()


def allowed_origin(stage):
    """First of ExtraPushOrigins on this machine; None if there is none."""
    described = stage.client("lambda").get_function_configuration(FunctionName=stage.outputs["SendFunctionName"])
    origins = described["Environment"]["Variables"]["EXTRA_PUSH_ORIGINS"].split(",")
    return next((one for one in origins if urllib.parse.urlsplit(one).hostname == "127.0.0.1"), None)
