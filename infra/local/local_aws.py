"""Runs ministack without Nagle's algorithm.

The local Lambda runtime API writes a response's headers and body separately. With Nagle's algorithm, the second write
waits for a delayed acknowledgement of the first: 40 ms on every warm call.
"""

import runpy
import socketserver
import sys


def main():
    # Modules beside this file could hide modules that ministack imports.
    sys.path.pop(0)
    socketserver.StreamRequestHandler.disable_nagle_algorithm = True
    runpy.run_module("ministack", run_name="__main__")


if __name__ == "__main__":
    main()
