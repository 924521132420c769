"""`make up`: starts a local stack and docs/example-site, and leaves both running."""

import os

import example
import settings
import stack

if __name__ == "__main__":
    local_stack = settings.LocalStack()
    stack.up(local_stack, os.environ.get("PARAMS", ""))
    example.start(local_stack)
