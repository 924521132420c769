"""Load test of `make load`: k6 against a local stack, with a push service that verifies and decrypts every message.

    python infra/local/with_stack.py python tests/load/run.py

Options: MINUTES (5), VUS (50 callers), PAUSE_SECONDS (1, the mean pause between two sends of a caller). Afterwards three
counts must agree: the requests that were accepted, the messages at the push service, and the metrics. All calls stay on
this machine. With SHORT=1, 10 callers send for ten seconds, to check the script, the push service and the counts.
"""

import concurrent.futures
import json
import os
import pathlib
import secrets
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "infra/local"), str(ROOT / "infra")]

from story.deployed import Deployed  # noqa: E402
from story.push_service import PushService  # noqa: E402

K6 = ROOT / "target/venv/load/bin/k6"
SUMMARY = ROOT / "target/load/summary.json"
IS_SHORT = bool(os.environ.get("SHORT"))
RECIPIENTS = 20 if IS_SHORT else 200
# Defaults for SHORT.
SHORT_LOAD = {"MINUTES": "0.17", "VUS": "10"} if IS_SHORT else {}
# Half of the recipients are in version 2, so that both versions are under load.
PERCENTAGE = "50"
COUNTED_WITHIN_SECONDS = 180


def register(stack, push_service):
    """Registers recipients with one device each. Returns their browsers by id."""
    run = secrets.token_hex(4)
    browsers = {f"load-{run}-{number}": push_service.subscribe() for number in range(RECIPIENTS)}
    put = lambda one: stack.expect(201, "recipients", "PUT", f"/v1/recipients/{one}/devices", browsers[one].subscription())  # noqa: E731
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(put, browsers))
    return browsers


def k6(stack, recipients):
    """Runs the script and returns its exit code, which is 99 if a threshold was exceeded."""
    SUMMARY.parent.mkdir(parents=True, exist_ok=True)
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME", "MINUTES", "VUS", "PAUSE_SECONDS") if os.environ.get(name)},
        **SHORT_LOAD,
        "API_URL": stack.api_url, "SEND_TOKEN": stack.token("send"), "RECIPIENTS": ",".join(recipients),
        "K6_NO_USAGE_REPORT": "true", "NO_PROXY": "127.0.0.1",
    }
    command = [str(K6), "run", "--quiet", "--summary-export", str(SUMMARY), str(ROOT / "tests/load/notifications.js")]
    return subprocess.run(command, env=environment).returncode


def counted(stack, wanted):
    """Returns the metrics as soon as they count `wanted` notifications as sent, or after the time limit."""
    deadline = time.monotonic() + COUNTED_WITHIN_SECONDS
    while True:
        found = stack.expect(200, "ops", "GET", "/v1/metrics?minutes=60").json
        if found["summary"]["sent"] >= wanted or time.monotonic() > deadline:
            return found
        time.sleep(2)


def main():
    stack = Deployed.from_environment()
    stack.put_parameter("RolloutPercentageParameter", PERCENTAGE)
    with PushService(os.environ["PUSH_ORIGIN"], stack.vapid_public_key) as push_service:
        browsers = register(stack, push_service)
        before = counted(stack, 0)["summary"]  # another tool may have sent on this stack
        began = time.monotonic()
        code = k6(stack, browsers)
        seconds = time.monotonic() - began
        figures = json.loads(SUMMARY.read_text())["metrics"]
        accepted, asked = figures["delivery"]["passes"], figures["http_reqs"]["count"]
        metrics = counted(stack, before["sent"] + asked)
        received = sum(len(browser.messages) for browser in browsers.values())
        refusals = push_service.refusals
    summary = {name: metrics["summary"][name] - before[name] for name in ("sent", "accepted")}
    print(f"{asked} requests in {seconds:.0f} s, {accepted} accepted; the push service accepted {received} messages "
          f"and refused {len(refusals)}; the metrics count {summary['sent']} sent and {summary['accepted']} accepted")
    for name in ("v1", "v2"):
        arm = metrics["by_version"][name]
        print(f"{name}: {arm['sent']} sent, delivery {arm['delivery_rate']:.2%}, p95 {arm['latency_ms']['p95']} ms")
    if not accepted == received == summary["accepted"]:
        print("FAILED  the three counts do not agree")
        code = code or 1
    print("passed" if code == 0 else f"failed with {code}")
    sys.exit(code)


if __name__ == "__main__":
    main()
