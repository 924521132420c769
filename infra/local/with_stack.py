"""Runs one command beside a local stack of its own, and takes the stack down whatever happens.

    python infra/local/with_stack.py cargo test -p tests --test deployed

The command finds STACK_JSON (path of stack.json) and PUSH_ORIGIN: an origin on a free port, already allowed as an
ExtraPushOrigin, where it may start a push service of its own. Its exit code becomes ours.
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
    """One that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((settings.HOST, 0))
        return probe.getsockname()[1]


def run(command):
    """Exit code of the command; the stack's folder is kept when it failed, for its logs."""
    place, push_origin = settings.Place(free_port()), f"http://{settings.HOST}:{free_port()}"
    parameters = f"ExtraPushOrigins={push_origin} {os.environ.get('PARAMS', '')}"
    try:
        stack.up(place, parameters)
        environment = {**os.environ, "STACK_JSON": str(place.stack_file), "PUSH_ORIGIN": push_origin}
        code = subprocess.run(command, env=environment).returncode
        if code:
            show_logs(place)
    finally:
        server.stop(place)
    if code:
        settings.say(f"failed with {code}; logs are kept in {place.folder}")
    else:
        shutil.rmtree(place.folder, ignore_errors=True)
    return code


def show_logs(place):
    """What the functions and the local AWS said last: a log that stays on a machine of CI helps nobody."""
    functions = [line for line in logs.lines(place) if " START " not in line and " END " not in line]
    (place.folder / "functions.log").write_text("\n".join(functions) + "\n")
    complaints = [line for line in place.log_file.read_text(errors="replace").splitlines() if " ERROR " in line]
    settings.say("\n".join(["-- the functions' last lines", *functions[-SHOWN_LINES:],
                            "-- errors of the local AWS", *complaints[-SHOWN_LINES:]]))


def main():
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    for sign in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, lambda number, _: sys.exit(128 + number))
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
