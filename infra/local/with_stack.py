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

import server
import settings
import stack


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
    finally:
        server.stop(place)
    if code:
        settings.say(f"failed with {code}; the local AWS's log: {place.log_file}")
    else:
        shutil.rmtree(place.folder, ignore_errors=True)
    return code


def main():
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
