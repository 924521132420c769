"""Runs the short forms of the tools that require a stack, one after the other on one local stack.

    SHORT=1 python infra/local/with_stack.py python infra/local/quick_tools.py       (make quick-tools)

Each tool is started in the same way as by its own target of the Makefile. So a broken tool is found by `make test`.
"""

import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
# (name, program with its arguments). smoke and load come first, because they require closed breakers.
TOOLS = (
    ("smoke", ["infra/notifications_ops", "smoke", "--sends", "20"]),
    ("load", ["tests/load/run.py"]),
    ("report", ["infra/notifications_ops", "report"]),
    ("redrive", ["infra/notifications_ops", "redrive"]),
    ("browser", ["tests/browser/run.py"]),
    ("contract", ["tests/contract/run.py"]),
)
BROWSER = ROOT / "tests/browser/chromium.py"


def is_there(script):
    """Returns false if the script, or the browser it needs, is missing. chromium.py prints a note in that case."""
    if not (ROOT / script).exists():
        return False
    return "browser" not in script or subprocess.run([sys.executable, str(BROWSER)]).returncode == 0


def main():
    environment = {**os.environ, "SHORT": "1"}
    failed = []
    for name, (script, *arguments) in TOOLS:
        if not is_there(script):
            continue
        print(f"== {name}, in short", flush=True)
        began = time.monotonic()
        code = subprocess.run([sys.executable, str(ROOT / script), *arguments], env=environment).returncode
        print(f"== {name} took {time.monotonic() - began:.0f} s", flush=True)
        if code:
            failed.append(name)
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
