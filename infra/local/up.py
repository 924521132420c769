"""`make up`: starts a local stack, and the example site of the docs, and leaves them running."""

import os

import example
import settings
import stack

if __name__ == "__main__":
    place = settings.Place()
    stack.up(place, os.environ.get("PARAMS", ""))
    example.start(place)
