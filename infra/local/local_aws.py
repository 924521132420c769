"""Runs ministack without Nagle's algorithm.

The local Lambda runtime API writes an answer's headers and body apart. With Nagle's algorithm on, the second write waits
for a delayed acknowledgement of the first: 40 ms on every warm call.
"""

import runpy
import socketserver
import sys


def main():
    # Modules beside this file have names that ministack's own imports may use.
    sys.path.pop(0)
    socketserver.StreamRequestHandler.disable_nagle_algorithm = True
    runpy.run_module("ministack", run_name="__main__")


if __name__ == "__main__":
    main()
