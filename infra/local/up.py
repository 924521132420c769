"""`make up`: starts a local stack and leaves it running."""

import os

import settings
import stack

if __name__ == "__main__":
    stack.up(settings.Place(), os.environ.get("PARAMS", ""))
