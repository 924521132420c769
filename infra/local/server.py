"""Starts and stops ministack with all its child processes."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request

from settings import HOST, REGION, ROOT, print_progress

START_SECONDS = 60
STOP_SECONDS = 10


def is_up(local_stack):
    """Returns true if ministack responds on the port."""
    try:
        with urllib.request.urlopen(f"{local_stack.endpoint}/_ministack/health", timeout=2) as answer:
            return "services" in json.load(answer)
    except (OSError, ValueError):
        return False


def start(local_stack):
    """Starts ministack in its own process group, and waits until it responds."""
    if is_up(local_stack):
        raise SystemExit(f"port {local_stack.port} has a stack already; run `make down`, or set another LOCAL_PORT")
    shutil.rmtree(local_stack.scratch, ignore_errors=True)
    local_stack.scratch.mkdir(parents=True)
    environment = {
        **local_stack.environment(),
        "AWS_ENDPOINT_URL": local_stack.endpoint_for_functions,
        "BIND_HOST": HOST,
        "GATEWAY_PORT": str(local_stack.port),
        # This listener ignores BIND_HOST and would use every address.
        "IOT_MTLS_ENABLED": "0",
        "MINISTACK_REGION": REGION,
        "S3_DATA_DIR": str(local_stack.scratch / "s3"),
        "STATE_DIR": str(local_stack.scratch / "state"),
    }
    with open(local_stack.log_file, "wb") as log:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "infra/local/local_aws.py")], env=environment, cwd=local_stack.folder,
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
        )
    local_stack.pid_file.write_text(str(process.pid))
    deadline = time.monotonic() + START_SECONDS
    while not is_up(local_stack):
        if process.poll() is not None or time.monotonic() > deadline:
            tail = "\n".join(local_stack.log_file.read_text(errors="replace").splitlines()[-20:])
            stop(local_stack)
            raise SystemExit(f"the local AWS did not start:\n{tail}")
        time.sleep(0.1)


def stop(local_stack):
    """Ends the whole process group, functions included. Returns true if there was one."""
    try:
        group = int(local_stack.pid_file.read_text())
    except (FileNotFoundError, ValueError):
        return False
    local_stack.pid_file.unlink()
    local_stack.stack_file.unlink(missing_ok=True)
    if not _is_ours(group, local_stack):
        return False
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(group, sign)
        except ProcessLookupError:
            break
        if _gone(group):
            break
    shutil.rmtree(local_stack.scratch, ignore_errors=True)
    return True


def _is_ours(pid, local_stack):
    """Returns false if the pid belongs to another process now: ours runs in our folder. A group may outlive its leader."""
    try:
        return os.readlink(f"/proc/{pid}/cwd") == str(local_stack.folder.resolve())
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
    print_progress(f"process group {group} is still running after {STOP_SECONDS} s")
    return False
