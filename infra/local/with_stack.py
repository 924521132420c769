"""Runs one command with its own local stack, and stops the stack in any case.

    python infra/local/with_stack.py cargo test -p tests --test deployed

Its environment has STACK_JSON (path of stack.json) and PUSH_ORIGIN. PUSH_ORIGIN is an origin on a free port, which is in
the stack's ExtraPushOrigins. The command may start a push service there. The command's exit code is returned.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys

import logs
import server
import settings
import stack

SHOWN_LINES = 40


def free_port():
    """Port that no process listens on now."""
    with socket.socket() as probe:
        probe.bind((settings.HOST, 0))
        return probe.getsockname()[1]


def run(command):
    """Runs the command and returns its exit code. If it fails, the stack's folder is kept for its logs."""
    local_stack, push_origin = settings.LocalStack(free_port()), f"http://{settings.HOST}:{free_port()}"
    parameters = f"ExtraPushOrigins={push_origin} {os.environ.get('PARAMS', '')}"
    try:
        stack.up(local_stack, parameters)
        environment = {**os.environ, "STACK_JSON": str(local_stack.stack_file), "PUSH_ORIGIN": push_origin}
        code = subprocess.run(command, env=environment).returncode
        if code:
            show_logs(local_stack)
    finally:
        server.stop(local_stack)
    if code:
        settings.print_progress(f"failed with exit code {code}; logs are kept in {local_stack.folder}")
    else:
        shutil.rmtree(local_stack.folder, ignore_errors=True)
    return code


def show_logs(local_stack):
    """Prints the last log lines of the functions and of the local AWS, for CI, where files are not accessible."""
    functions = [line for line in logs.lines(local_stack) if " START " not in line and " END " not in line]
    (local_stack.folder / "functions.log").write_text("\n".join(functions) + "\n")
    errors = [line for line in local_stack.log_file.read_text(errors="replace").splitlines() if " ERROR " in line]
    settings.print_progress("\n".join(["-- the functions' last log lines", *functions[-SHOWN_LINES:],
                                       "-- errors of the local AWS", *errors[-SHOWN_LINES:]]))


def main():
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    for sign in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, lambda number, _: sys.exit(128 + number))
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
