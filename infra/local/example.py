"""Starts and stops the example site of the docs beside a local stack."""

import contextlib
import os
import signal
import subprocess
import sys

from settings import ROOT, say

PROGRAM = ROOT / "docs" / "example-site" / "example_site.py"


def start(place):
    """Serves it on a free port, which it prints; SITE_PORT names another one."""
    port = os.environ.get("SITE_PORT") or "0"
    with open(place.folder / "site.log", "wb") as log:
        process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(place.stack_file), port], cwd=place.folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=log, start_new_session=True, text=True,
        )
    _pid_file(place).write_text(str(process.pid))
    say(process.stdout.readline().strip() or f"the example site did not start: {place.folder / 'site.log'}")


def stop(place):
    """Ends it, if it runs."""
    with contextlib.suppress(FileNotFoundError, ValueError):
        pid = int(_pid_file(place).read_text())
        _pid_file(place).unlink()
        # A pid may have been given to another process since.
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/{pid}/cwd") == str(place.folder.resolve()):
                os.kill(pid, signal.SIGTERM)


def _pid_file(place):
    return place.folder / "site.pid"
