"""`make smoke`: the playbook's checks on a deployed stack, a verdict for each, and an exit code.

    make smoke STAGE=staging              100 e-mails to the mailbox simulator of SES, which charges for them (about 0.01 EUR)
    make smoke STAGE=staging SENDS=0      sends nothing: holds the figures of the last hour against the same criteria
    make smoke                            on the local stack: 100 pushes to a push service of its own, where the stack allows its
                                          origin (make up PARAMS="ExtraPushOrigins=http://127.0.0.1:18082"), else e-mails

Recipients are made for it and erased at its end. A stage with its own token issuer needs SEND_TOKEN, RECIPIENTS_TOKEN and OPS_TOKEN.
"""

import math
import os
import re
import time

from init import PERCENTAGE
from smoke_caller import Stack
from smoke_trial import REACHED, Trial

DELIVERY_ABOVE, ERRORS_BELOW, P95_BELOW_MS, HOUR_EURO = 0.95, 0.05, 3_000, 100
COUNTED_WITHIN_SECONDS = 90


class Verdicts:
    """Prints each as it comes. A figure that there is no data for is neither right nor wrong."""

    def __init__(self):
        self.passed = self.failed = self.unknown = 0

    def say(self, holds, name, found=""):
        word = {True: "ok", False: "FAILED", None: "no data"}[holds]
        self.passed, self.failed = self.passed + (holds is True), self.failed + (holds is False)
        self.unknown += holds is None
        print(f"  {word:<8} {name:<43} {found}", flush=True)

    def end(self):
        """1 when anything failed."""
        unknown = f", {self.unknown} without data" if self.unknown else ""
        print(f"{self.passed} passed, {self.failed} failed{unknown}", flush=True)
        return 1 if self.failed else 0


def p95(values):
    """The smallest value that nineteen in twenty do not exceed."""
    return sorted(values)[math.ceil(0.95 * len(values)) - 1] if values else None


def door(verdicts, caller):
    """Who is let in, and who is not."""
    print("the door", flush=True)
    for scope, path, wanted, name in (
        (None, "/v1/vapid-public-key", 200, "the public key needs no token"),
        (None, "/v1/metrics", 401, "no token is refused"),
        ("send", "/v1/metrics", 403, "a token of another scope is refused"),
        ("ops", "/v1/metrics", 200, "a token of the scope is taken"),
    ):
        found = caller.call(scope, "GET", path).status
        verdicts.say(found == wanted, name, str(found))


def sends(verdicts, trial, count):
    """The messages, and what became of them."""
    cost = trial.explain().get("cost_estimate_micros", {}).get("first", 0) * count / 1e6
    print(f"{count} messages by {trial.channel} to {len(trial.recipients)} recipients of their own, for {cost:.4f} EUR", flush=True)
    counted_before = trial.caller.get("ops", "/v1/metrics?minutes=15")["summary"]["sent"]
    trial.send(count)
    statuses = trial.statuses()
    reached = sum(statuses.get(status, 0) for status in REACHED)
    bad = sum(statuses.get(status, 0) for status in ("failed", "uncertain", "expired", "refused"))
    verdicts.say(reached > DELIVERY_ABOVE * count, "success > 95 %", f"{reached} of {count}; {statuses}")
    verdicts.say(bad < ERRORS_BELOW * count, "errors < 5 %", f"{bad} of {count} {', '.join(sorted(set(trial.refused))[:3])}")
    slow = p95(trial.latencies_ms())
    verdicts.say(slow is not None and slow < P95_BELOW_MS, "p95 to the first accepted attempt < 3,000 ms",
                 "nothing was accepted" if slow is None else f"{slow:.0f} ms; callers waited {p95(trial.answer_ms):.0f} ms")
    plan = [breaker for channel in trial.explain()["plan"] for breaker in channel["breakers"]]
    shown = ", ".join(f"{one['provider']} {one['state']}" for one in plan)
    verdicts.say(bool(plan) and all(one["state"] == "closed" for one in plan), "the providers' breakers are CLOSED", shown)
    strayed = trial.strayed()
    verdicts.say(not strayed, f"versions follow the rollout's {trial.percentage} %", ", ".join(sorted(strayed)))
    deadline = time.monotonic() + COUNTED_WITHIN_SECONDS
    while (counted := trial.caller.get("ops", "/v1/metrics?minutes=15")["summary"]["sent"] - counted_before) < len(trial.sent):
        if time.monotonic() > deadline:
            break
        time.sleep(3)
    verdicts.say(counted >= len(trial.sent), "the metrics have counted them", f"{counted} of {len(trial.sent)}")


def hour(verdicts, caller, by_figures):
    """The last hour. With sends of our own its rates are theirs, mostly, so then only what they cannot make better is judged."""
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
            verdicts.say(None if rate is None else holds(rate), name, "" if rate is None else f"{rate:.2%} {of}")
        slow = v2["latency_ms"]["p95"]
        verdicts.say(None if slow is None else slow < P95_BELOW_MS, "p95 < 3,000 ms", "" if slow is None else f"{slow} ms")
    breakers = next(check for area in health["areas"] for check in area["checks"] if check["check"] == "breakers_not_closed")
    found = "; ".join(breakers.get("details", [])) or "all"
    verdicts.say(None if breakers["value"] is None else breakers["value"] == 0, "push breakers are CLOSED", found)
    cost = metrics["summary"]["cost_micros"] / 1e6
    verdicts.say(cost <= HOUR_EURO, f"cost at most {HOUR_EURO} EUR", f"{cost:.4f} EUR")
    taken = [check["check"] for area in health["areas"] for check in area["checks"] if check["verdict"] == "taken"]
    print(f"           health {health['score']} of 100, {health['status']}; taken off for: {', '.join(taken) or 'nothing'}", flush=True)


def run(caller, percentage, count, subscribe=None):
    """All of it; the exit code."""
    verdicts = Verdicts()
    door(verdicts, caller)
    is_percentage = re.fullmatch(PERCENTAGE, percentage) is not None
    verdicts.say(is_percentage, "the rollout's parameter can be read", percentage[:20])
    if count and is_percentage:
        if not subscribe and float(percentage) == 0:
            raise SystemExit("the rollout is 0, and v1 sends no e-mail: SENDS=0 looks without sending")
        trial = Trial(caller, percentage, subscribe)
        try:
            trial.register()
            sends(verdicts, trial, count)
        finally:
            left = trial.erase()
        verdicts.say(not left, "the recipients are erased again", ", ".join(left))
    hour(verdicts, caller, by_figures=not count)
    return verdicts.end()


def count_asked():
    """SENDS, 100 unless said otherwise and 20 for SHORT; at least 20, or the criteria would mean nothing."""
    text = "20" if os.environ.get("SHORT") else os.environ.get("SENDS") or "100"
    if not text.isdecimal() or not (int(text) == 0 or 20 <= int(text) <= 1_000):
        raise SystemExit(f"SENDS is 0, or 20 to 1000, not '{text}'")
    return int(text)


def main():
    count, stack = count_asked(), Stack(os.environ.get("STAGE", ""))
    raise SystemExit(run(stack.caller(), stack.percentage(), count))


if __name__ == "__main__":
    main()
