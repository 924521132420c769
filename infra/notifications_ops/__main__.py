"""Starts the tool: `python infra/notifications_ops`, or `python -m notifications_ops` with infra/ on the module path."""

import pathlib
import sys

if not __package__:
    # Python put this folder on the path. The package is found from its parent.
    sys.path[0] = str(pathlib.Path(__file__).resolve().parents[1])

from notifications_ops.cli import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
