"""Starts and stops ministack with everything it spawned."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request

from settings import HOST, REGION, ROOT, say

START_SECONDS = 60
STOP_SECONDS = 10


def is_up(place):
    """Whether something that is ministack answers on the port."""
    try:
        with urllib.request.urlopen(f"{place.endpoint}/_ministack/health", timeout=2) as answer:
            return "services" in json.load(answer)
    except (OSError, ValueError):
        return False


def start(place):
    """Starts it in a process group of its own and waits until it answers."""
    if is_up(place):
        raise SystemExit(f"port {place.port} has a stack already: make down, or choose another LOCAL_PORT")
    shutil.rmtree(place.scratch, ignore_errors=True)
    place.scratch.mkdir(parents=True)
    environment = {
        **place.environment(),
        "AWS_ENDPOINT_URL": place.seen_by_functions,
        "BIND_HOST": HOST,
        "GATEWAY_PORT": str(place.port),
        # It would listen on every address, whatever BIND_HOST says.
        "IOT_MTLS_ENABLED": "0",
        "MINISTACK_REGION": REGION,
        "S3_DATA_DIR": str(place.scratch / "s3"),
        "STATE_DIR": str(place.scratch / "state"),
    }
    with open(place.log_file, "wb") as log:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "infra/local/local_aws.py")], env=environment, cwd=place.folder,
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
        )
    place.pid_file.write_text(str(process.pid))
    deadline = time.monotonic() + START_SECONDS
    while not is_up(place):
        if process.poll() is not None or time.monotonic() > deadline:
            tail = "\n".join(place.log_file.read_text(errors="replace").splitlines()[-20:])
            stop(place)
            raise SystemExit(f"the local AWS did not start:\n{tail}")
        time.sleep(0.1)


def stop(place):
    """Ends the whole process group, functions included; True if there was one."""
    try:
        group = int(place.pid_file.read_text())
    except (FileNotFoundError, ValueError):
        return False
    place.pid_file.unlink()
    place.stack_file.unlink(missing_ok=True)
    if not _is_ours(group, place):
        return False
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(group, sign)
        except ProcessLookupError:
            break
        if _gone(group):
            break
    shutil.rmtree(place.scratch, ignore_errors=True)
    return True


def _is_ours(pid, place):
    """A pid may have been given to another process since: ours runs in our folder. The group may outlive its leader."""
    try:
        return os.readlink(f"/proc/{pid}/cwd") == str(place.folder.resolve())
    except OSError:
        return True


def _gone(group):
    deadline = time.monotonic() + STOP_SECONDS
    while time.monotonic() < deadline:
        try:
            os.waitpid(-group, os.WNOHANG)
        except ChildProcessError:
            pass
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    say(f"process group {group} does not end by itself")
    return False
