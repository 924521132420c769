"""`make faults`: injects faults of AWS between the deployed functions and a local AWS, and prints a table of results.

    python infra/local/run_faults.py                    all services and kinds
    python infra/local/run_faults.py ses sns resets     the cases of these services and kinds
    SHORT=1 python infra/local/run_faults.py            one quick case of each service, in one lane

The cases on one stack run one after another. Several lanes run at once, each with its own stack. The exit code is 1 if a
case fails.
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
from faults.direct_aws import DirectAws
from faults.proxy import Proxy
from story.deployed import Deployed
from story.push_service import PushService
from with_stack import free_port, show_logs

# Services of each lane. DynamoDB's cases take the longest, because leases must expire.
LANES = (("dynamodb",), ("ses", "ssm"), ("sns",))
# Cases for SHORT: one for each service, of kinds with a short recovery.
SHORT_CASES = (("ses", "resets"), ("sns", "lost answers"), ("ssm", "server errors"), ("dynamodb", "server errors"))


def chosen(words):
    """(services, kinds) that the words select. Without a service or a kind among the words, all of them."""
    known = {*kinds.SERVICES, *kinds.KINDS}
    words = [word.replace("-", " ") if word.replace("-", " ") in known else word for word in words]
    if unknown := set(words) - known:
        raise SystemExit(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(sorted(known))}")
    of = lambda all_of_them: [one for one in all_of_them if one in words] or list(all_of_them)
    return of(kinds.SERVICES), of(kinds.KINDS)


@contextlib.contextmanager
def lane(name):
    """Local stack whose functions reach AWS through microburst."""
    local_stack, push_origin = settings.LocalStack(free_port()), f"http://{settings.HOST}:{free_port()}"
    local_stack.folder.mkdir(parents=True, exist_ok=True)
    with Proxy(free_port(), local_stack.endpoint, local_stack.folder / "microburst.log") as proxy:
        local_stack.endpoint_for_functions = proxy.url
        try:
            stack.up(local_stack, f"ExtraPushOrigins={push_origin}")
            about = json.loads(local_stack.stack_file.read_text())
            deployed = Deployed(about)
            direct_aws = DirectAws(deployed, about)
            direct_aws.prepare()
            direct_aws.warm_up(proxy, about["region"])
            with PushService(push_origin, deployed.vapid_public_key) as push_service:
                made = Lane(name, deployed, direct_aws, proxy, push_service)
                yield made, local_stack
        finally:
            server.stop(local_stack)


def run_lane(cases):
    """Runs a lane's cases (service, kind) in order and returns their verdicts. The logs are kept if a case fails."""
    verdicts = []
    with lane("+".join(dict.fromkeys(service for service, _ in cases))) as (made, local_stack):
        for service, kind in cases:
            verdicts.append(Case(made, kind, service).run())
            print_verdict(verdicts[-1])
        if not all(verdict.holds for verdict in verdicts):
            show_logs(local_stack)
    if all(verdict.holds for verdict in verdicts):
        shutil.rmtree(local_stack.folder, ignore_errors=True)
    return verdicts


def print_verdict(verdict):
    """Prints one line for a finished case, and one for each problem."""
    result = "ok" if verdict.holds else "FAILED"
    slowest = f"{verdict.slowest.seconds:.1f} s ({verdict.slowest.route})"
    settings.print_progress(f"  {result:<7} {verdict.service}: {verdict.kind}: {verdict.injected} faults injected, "
                 f"{verdict.requests} requests, slowest {slowest}, recovered after {verdict.recovered_seconds:.0f} s")
    for problem in verdict.problems:
        settings.print_progress(f"          {problem}")


def lanes_of(words, is_short):
    """Cases of each lane; lanes without cases are left out."""
    if is_short and not words:
        return [list(SHORT_CASES)]
    services, wanted_kinds = chosen(words)
    lanes = [[(service, kind) for service in of_lane if service in services for kind in wanted_kinds] for of_lane in LANES]
    return [of_lane for of_lane in lanes if of_lane]


def main():
    began = time.monotonic()
    lanes = lanes_of(sys.argv[1:], bool(os.environ.get("SHORT")))
    # A signal becomes SystemExit, so the pool waits for its lanes and each lane stops its stack.
    for sign in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, lambda number, _: sys.exit(128 + number))
    with concurrent.futures.ThreadPoolExecutor(len(lanes)) as pool:
        running = [pool.submit(run_lane, of_lane) for of_lane in lanes]
        verdicts = [verdict for one in running for verdict in one.result()]
    settings.print_progress(f"\n{report.table(verdicts)}\n\nafter {time.monotonic() - began:.0f} s")
    settings.print_progress(report.last_line(verdicts))
    sys.exit(0 if all(verdict.holds for verdict in verdicts) else 1)


if __name__ == "__main__":
    main()
