"""Runs the parts of `make test` in two lanes at the same time: most tests on the stack wait, while those of the workspace
compute.

    python infra/local/run_tests.py

The first lane prints as it runs. What the second one prints is shown when the first one has ended, and as it comes from
then on. It is in target/test-stack.log as well.
"""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
LOG = ROOT / "target/test-stack.log"
# What the runs write after the build: stores and logs of stacks, profiles of browsers and the benchmark's own build.
REQUIRED_DISK_BYTES = 3 << 30
WITH_STACK = [sys.executable, "infra/local/with_stack.py"]
CARGO_TEST = ["cargo", "test", "--workspace", "--locked"]
WORKSPACE_LANE = (
    ("tests of the workspace", CARGO_TEST),
    ("tests of the deploy", [sys.executable, "-m", "unittest", "discover", "-s", "tests/infra"]),
)
STACK_LANE = (
    ("test over the deployed stack", [*WITH_STACK, *CARGO_TEST, "--test", "deployed", "--", "--ignored", "--test-threads", "1"]),
    ("quick tools on one stack", [*WITH_STACK, sys.executable, "infra/local/quick_tools.py"]),
)


def run_lane(lane):
    """Runs the parts of a lane one after the other. Returns the name of the first that fails."""
    for name, command in lane:
        print(f"== {name}", flush=True)
        began = time.monotonic()
        code = subprocess.run(command, cwd=ROOT).returncode
        print(f"== {name} took {time.monotonic() - began:.0f} s", flush=True)
        if code:
            return name
    return None


def show_rest(lane):
    """Shows what the other lane has printed, and prints until it ends."""
    with LOG.open(errors="replace") as log:
        while True:
            is_ended = lane.poll() is not None
            text = log.read()
            print(text, end="", flush=True)
            if is_ended and not text:
                return
            if not text:
                time.sleep(0.2)


def check_disk():
    """Ends the run at once with a clear message. A disk that fills up later shows as dozens of unrelated failures."""
    free = shutil.disk_usage(ROOT).free
    if free < REQUIRED_DISK_BYTES:
        raise SystemExit(f"{ROOT} has {free / 2**30:.1f} GiB of free disk space, and the tests need "
                         f"{REQUIRED_DISK_BYTES >> 30} GiB: remove target/debug/incremental or other files")


def main():
    if sys.argv[1:] == ["stack"]:
        failed = run_lane(STACK_LANE)
        raise SystemExit(f"failed: {failed}" if failed else 0)
    check_disk()
    # Many tests wait for retries and time-outs, so one more than the cores runs at a time.
    os.environ.setdefault("RUST_TEST_THREADS", str((os.cpu_count() or 1) + 1))
    LOG.parent.mkdir(exist_ok=True)
    with LOG.open("wb") as log:
        stack = subprocess.Popen([sys.executable, __file__, "stack"], cwd=ROOT, stdout=log,
                                 stderr=subprocess.STDOUT, start_new_session=True)
    try:
        failed = run_lane(WORKSPACE_LANE)
        if failed:
            raise SystemExit(f"failed: {failed}")
        show_rest(stack)
        raise SystemExit(stack.returncode)
    finally:
        if stack.poll() is None:
            os.killpg(stack.pid, signal.SIGTERM)
            stack.wait()


if __name__ == "__main__":
    main()
