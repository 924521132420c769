"""Starts and stops docs/example-site beside a local stack."""

import contextlib
import os
import signal
import subprocess
import sys

from settings import ROOT, print_progress

PROGRAM = ROOT / "docs" / "example-site" / "example_site.py"


def start(local_stack):
    """Starts the site on a free port, or on SITE_PORT, and prints its address."""
    port = os.environ.get("SITE_PORT") or "0"
    with open(local_stack.folder / "site.log", "wb") as log:
        process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(local_stack.stack_file), port], cwd=local_stack.folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=log, start_new_session=True, text=True,
        )
    _pid_file(local_stack).write_text(str(process.pid))
    address = process.stdout.readline().strip()
    print_progress(address or f"the example site did not start: {local_stack.folder / 'site.log'}")


def stop(local_stack):
    """Stops the site if it is running."""
    with contextlib.suppress(FileNotFoundError, ValueError):
        pid = int(_pid_file(local_stack).read_text())
        _pid_file(local_stack).unlink()
        # The pid may belong to another process by now.
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/{pid}/cwd") == str(local_stack.folder.resolve()):
                os.kill(pid, signal.SIGTERM)


def _pid_file(local_stack):
    return local_stack.folder / "site.pid"
