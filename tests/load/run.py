"""The load of `make load`: k6 against a local stack, with a push service that checks and decrypts every message.

    python infra/local/with_stack.py python tests/load/run.py

MINUTES (5), VUS (50), PAUSE_SECONDS (1, more or less, between two sends of one caller). Afterwards three counts must agree: what
callers were told was accepted, what the push service took, and what the metrics counted. Everything stays on this machine.
SHORT=1 has 10 callers send for ten seconds: it shows that the script, the push service and the counts still work.
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
# Where SHORT asks for less than the Makefile's own defaults.
SHORT_LOAD = {"MINUTES": "0.17", "VUS": "10"} if IS_SHORT else {}
# Half of the recipients go the new way, so that both are loaded.
PERCENTAGE = "50"
COUNTED_WITHIN_SECONDS = 180


def register(stack, push_service):
    """Recipients with a device each; their ids and browsers."""
    run = secrets.token_hex(4)
    browsers = {f"load-{run}-{number}": push_service.subscribe() for number in range(RECIPIENTS)}
    put = lambda one: stack.expect(201, "recipients", "PUT", f"/v1/recipients/{one}/devices", browsers[one].subscription())  # noqa: E731
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(put, browsers))
    return browsers


def k6(stack, recipients):
    """Runs the script; its exit code, 99 when a threshold was crossed."""
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
    """The summary of the metrics, once it has counted so many as sent, or after a while without."""
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
    print(f"asked for {asked} in {seconds:.0f} s; told of {accepted} that they were accepted; the push service took {received} "
          f"and refused {len(refusals)}; the metrics counted {summary['sent']} sent and {summary['accepted']} accepted")
    for name in ("v1", "v2"):
        side = metrics["by_version"][name]
        print(f"{name}: {side['sent']} sent, delivery {side['delivery_rate']:.2%}, p95 {side['latency_ms']['p95']} ms")
    if not accepted == received == summary["accepted"]:
        print("FAILED  the three counts do not agree")
        code = code or 1
    print("passed" if code == 0 else f"failed with {code}")
    sys.exit(code)


if __name__ == "__main__":
    main()
