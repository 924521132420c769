"""`make faults`: a table of faults of AWS, each injected between the deployed functions and a local AWS.

    python infra/local/run_faults.py                    all services and kinds
    python infra/local/run_faults.py ses sns resets     those of these services and kinds
    SHORT=1 python infra/local/run_faults.py            one quick case of each service, in one lane

A case must be over before the next one on its stack begins, so there are several lanes of cases, each with a stack of
its own. Exit code 1 unless every case holds.
"""

import concurrent.futures
import contextlib
import json
import os
import shutil
import signal
import sys
import time

import server
import settings
import stack
from faults import kinds, report
from faults.case import Case, Lane
from faults.inside import Inside
from faults.proxy import Proxy
from story.deployed import Deployed
from story.push_service import PushService
from with_stack import free_port, show_logs

# The services of a lane, one after the other: DynamoDB's cases last longest, since leases must run out.
LANES = (("dynamodb",), ("ses", "ssm"), ("sns",))
# For SHORT: kinds after which little has to be waited for, one of each service.
SHORT_CASES = (("ses", "resets"), ("sns", "lost answers"), ("ssm", "resets"), ("dynamodb", "slow answers"))


def chosen(words):
    """(services, kinds) that the words name; what they leave open is everything."""
    known = {*kinds.SERVICES, *kinds.KINDS}
    words = [word.replace("-", " ") if word.replace("-", " ") in known else word for word in words]
    if strange := set(words) - known:
        raise SystemExit(f"unknown: {', '.join(sorted(strange))}; known: {', '.join(sorted(known))}")
    of = lambda all_of_them: [one for one in all_of_them if one in words] or list(all_of_them)
    return of(kinds.SERVICES), of(kinds.KINDS)


@contextlib.contextmanager
def lane(name):
    """A stack of its own, whose functions see AWS through microburst."""
    place, push_origin = settings.Place(free_port()), f"http://{settings.HOST}:{free_port()}"
    place.folder.mkdir(parents=True, exist_ok=True)
    with Proxy(free_port(), place.endpoint, place.folder / "microburst.log") as proxy:
        place.seen_by_functions = proxy.url
        try:
            stack.up(place, f"ExtraPushOrigins={push_origin}")
            about = json.loads(place.stack_file.read_text())
            deployed = Deployed(about)
            inside = Inside(deployed, about)
            inside.prepare()
            inside.warm_up(proxy, about["region"])
            with PushService(push_origin, deployed.vapid_public_key) as push_service:
                made = Lane(name, deployed, inside, proxy, push_service)
                yield made, place
        finally:
            server.stop(place)


def run_lane(cases):
    """The verdicts of a lane's cases (service, kind), in order; the logs stay when one does not hold."""
    verdicts = []
    with lane("+".join(dict.fromkeys(service for service, _ in cases))) as (made, place):
        for service, kind in cases:
            verdicts.append(Case(made, kind, service).run())
            tell(verdicts[-1])
        if not all(verdict.holds for verdict in verdicts):
            show_logs(place)
    if all(verdict.holds for verdict in verdicts):
        shutil.rmtree(place.folder, ignore_errors=True)
    return verdicts


def tell(verdict):
    """One line when a case is over, and what is wrong with it."""
    said = "ok" if verdict.holds else "FAILED"
    slowest = f"{verdict.slowest.seconds:.1f} s ({verdict.slowest.route})"
    settings.say(f"  {said:<7} {verdict.service}: {verdict.kind}: {verdict.injected} calls met, "
                 f"{verdict.requests} requests, slowest {slowest}, recovered after {verdict.recovered_seconds:.0f} s")
    for complaint in verdict.complaints:
        settings.say(f"          {complaint}")


def lanes_of(words, is_short):
    """The cases of each lane that has any."""
    if is_short and not words:
        return [list(SHORT_CASES)]
    services, wanted_kinds = chosen(words)
    lanes = [[(service, kind) for service in of_lane if service in services for kind in wanted_kinds] for of_lane in LANES]
    return [of_lane for of_lane in lanes if of_lane]


def main():
    began = time.monotonic()
    lanes = lanes_of(sys.argv[1:], bool(os.environ.get("SHORT")))
    # However this ends, the pool waits for its lanes, and each takes its stack down.
    for sign in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, lambda number, _: sys.exit(128 + number))
    with concurrent.futures.ThreadPoolExecutor(len(lanes)) as pool:
        running = [pool.submit(run_lane, of_lane) for of_lane in lanes]
        verdicts = [verdict for one in running for verdict in one.result()]
    settings.say(f"\n{report.table(verdicts)}\n\nafter {time.monotonic() - began:.0f} s")
    settings.say(report.last_line(verdicts))
    sys.exit(0 if all(verdict.holds for verdict in verdicts) else 1)


if __name__ == "__main__":
    main()
