"""`make down`: stops the local stack with every process it started; `down.py all` stops those on other ports too."""

import sys

import example
import server
import settings


def places():
    """Every stack that left a pid file, or the one that LOCAL_PORT names."""
    if sys.argv[1:] != ["all"]:
        return [settings.Place()]
    folders = [file.parent.name for file in (settings.ROOT / "target").glob("local*/ministack.pid")]
    return [settings.Place(name.removeprefix("local").removeprefix("-") or settings.DEFAULT_PORT) for name in folders]


if __name__ == "__main__":
    for place in places():
        example.stop(place)
        print(f"{place.endpoint}:", "stopped" if server.stop(place) else "nothing was running")
