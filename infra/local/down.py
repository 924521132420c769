"""`make down`: stops the local stack with every process it started. `down.py all` stops those on other ports as well."""

import sys

import example
import server
import settings


def local_stacks():
    """Local stack of LOCAL_PORT; with the argument `all`, every local stack that has a pid file."""
    if sys.argv[1:] != ["all"]:
        return [settings.LocalStack()]
    folders = [file.parent.name for file in (settings.ROOT / "target").glob("local*/ministack.pid")]
    return [settings.LocalStack(name.removeprefix("local").removeprefix("-") or settings.DEFAULT_PORT) for name in folders]


if __name__ == "__main__":
    for local_stack in local_stacks():
        example.stop(local_stack)
        print(f"{local_stack.endpoint}:", "stopped" if server.stop(local_stack) else "nothing was running")
