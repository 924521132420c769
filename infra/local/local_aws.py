"""Runs ministack without Nagle's algorithm, and with less CPU priority for functions that no caller waits for.

The local Lambda runtime API writes a response's headers and body separately. With Nagle's algorithm, the second write
waits for a delayed acknowledgement of the first: 40 ms on every warm call.

On AWS, each process of a function has a processor share of its own. Here they share the machine's, so a worker of a
campaign would slow down the requests of callers.
"""

import os
import runpy
import socketserver
import subprocess
import sys

# Parts of the functions' names, which CloudFormation makes from the stack's name and the logical id. `campaigns` serves
# requests as well.
BACKGROUND_FUNCTIONS = ("-CascadeFunction-", "-RollupFunction-", "-CleanupFunction-", "-FanoutFunction-")
BACKGROUND_NICENESS = 10


class FunctionProcess(subprocess.Popen):
    """Process that ministack starts."""

    def __init__(self, *arguments, env=None, **options):
        super().__init__(*arguments, env=env, **options)
        name = (env or {}).get("AWS_LAMBDA_FUNCTION_NAME", "")
        if any(part in name for part in BACKGROUND_FUNCTIONS):
            os.setpriority(os.PRIO_PROCESS, self.pid, BACKGROUND_NICENESS)


def main():
    # Modules beside this file could hide modules that ministack imports.
    sys.path.pop(0)
    socketserver.StreamRequestHandler.disable_nagle_algorithm = True
    subprocess.Popen = FunctionProcess
    runpy.run_module("ministack", run_name="__main__")


if __name__ == "__main__":
    main()
