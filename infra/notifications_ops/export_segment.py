"""Exports the people of a segment into a file that `import` reads: JSON Lines or CSV.

    make export SEGMENT=gold FORMAT=jsonl                      writes target/export/local-gold.jsonl
    make export SEGMENT=gold FORMAT=csv STAGE=staging          for a spreadsheet; no cell is a formula

The API reads a bounded number of people for each page, and records the export in its audit. Each line of JSON Lines is a
recipient as GET returns it. Devices are without endpoint and keys. In CSV, texts among the attributes have a column each,
and the column `attributes` has the others as JSON. Importing an export changes nothing.

The file contains personal data, and only its owner may read it; the output of this tool does not contain any.
"""

import contextlib
import csv
import http.client
import json
import os
import pathlib
import re
import time
import urllib.parse

from notifications_ops import samconfig
from notifications_ops.caller import Response
from notifications_ops.import_mapping import LISTS, PLAIN
from notifications_ops.import_run import MAX_PAUSE_SECONDS, MAX_TRIES, TEMPORARY, Progress
from notifications_ops.import_text import protected, unprotected
from notifications_ops.stage import open_stage

SUMMARY = "export the people of a segment as JSON Lines or CSV"
FOLDER = samconfig.ROOT / "target/export"
FORMATS = ("jsonl", "csv")
SEGMENT = re.compile(r"[a-z][a-z0-9-]{0,63}")
# Maximum number of attributes that have a column of their own. The column `attributes` has the others.
MAX_COLUMNS = 200
# Pause between two pages. The route allows two calls per second for all callers together.
PAGE_SECONDS = 0.5


class Pages:
    """Pages of a segment's people. `malformed` counts stored profiles that the API could not read."""

    def __init__(self, caller, segment):
        self.caller, self.path, self.malformed = caller, f"/v1/segments/{segment}/export", 0

    def pause(self, seconds):
        """Waits between two pages, or before a repeat."""
        time.sleep(seconds)

    def people(self):
        """Yields every person of the segment."""
        after = None
        while True:
            page = self._page(after)
            self.malformed += page["malformed"]
            yield from page["items"]
            after = page["next"]
            if after is None:
                return
            self.pause(PAGE_SECONDS)

    def _page(self, after):
        path = self.path if after is None else f"{self.path}?{urllib.parse.urlencode({'after': after})}"
        for tries in range(MAX_TRIES):
            response = self._call(path)
            if response.status == 200 and "items" in response.json:
                return response.json
            if response.status != 200 and response.status not in TEMPORARY:
                raise SystemExit(f"the API returned {response.status}: {response.json.get('detail', '')}")
            self.pause(min(2 ** tries, MAX_PAUSE_SECONDS))
        raise SystemExit(f"the API did not answer in {MAX_TRIES} tries")

    def _call(self, path):
        """Calls the API. A lost connection counts as 503."""
        try:
            response = self.caller.call("recipients", "GET", path)
            if response.status == 401:  # a token lives for an hour
                self.caller.forget("recipients")
                response = self.caller.call("recipients", "GET", path)
            return response
        except (OSError, http.client.HTTPException):
            return Response(503, b"")


@contextlib.contextmanager
def private_file(path):
    """New file that only its owner may read. If its writing fails, it is deleted."""
    path.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", newline="", encoding="utf-8") as file:
            yield file
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def is_cell(value):
    """True if a CSV cell keeps the value as it is: a text on one line without blanks at its ends."""
    return isinstance(value, str) and value.isprintable() and value != "" and unprotected(protected(value)) == value


def columns_of(path):
    """Names of the attributes that have a column of their own, in the order of their first appearance."""
    names = {}
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            for name, value in (json.loads(line).get("attributes") or {}).items():
                if len(names) < MAX_COLUMNS and name not in names and is_cell(value) and is_cell(f"attributes.{name}"):
                    names[name] = None
    return list(names)


def cells_of(person, names):
    """Cells of a person in CSV."""
    preferences, attributes = person.get("preferences") or {}, dict(person.get("attributes") or {})
    own = [attributes.pop(name) if is_cell(attributes.get(name)) else "" for name in names]
    lists = {**preferences, "unsubscribed_types": person.get("unsubscribed_types")}
    as_json = [json.dumps(value) if value else "" for value in (preferences, attributes)]
    cells = [person.get(name) or "" for name in PLAIN] + ["|".join(lists.get(name) or ()) for name in LISTS] + as_json + own
    return [protected(cell) for cell in cells]


def write_csv(lines, path):
    """Writes the CSV file of a file of JSON Lines. Returns the number of people whose id a cell cannot keep."""
    names, left_out = columns_of(lines), 0
    with private_file(path) as file, lines.open(encoding="utf-8") as people:
        writer = csv.writer(file)
        writer.writerow([*PLAIN, *LISTS, "preferences", "attributes", *(f"attributes.{name}" for name in names)])
        for line in people:
            person = json.loads(line)
            if unprotected(protected(person["id"])) == person["id"]:
                writer.writerow(cells_of(person, names))
            else:
                left_out += 1
    return left_out


def export_segment(pages, stage_name, segment, form, path):
    """Exports a segment. The file has its name only once it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines, part = path.with_name(f"{path.name}.lines"), path.with_name(f"{path.name}.part")
    number, left_out, progress = 0, 0, Progress()
    try:
        with private_file(lines) as file:
            for person in pages.people():
                file.write(json.dumps(person) + "\n")
                number += 1
                progress.show(number, "people read")
        if form == "csv":
            left_out = write_csv(lines, part)
        (part if form == "csv" else lines).replace(path)
    finally:
        lines.unlink(missing_ok=True)
    print(f"{number - left_out:,} people of {segment} of {stage_name}, in {path}")
    if pages.malformed:
        print(f"{pages.malformed:,} stored profiles are malformed and left out")
    if left_out:
        print(f"{left_out:,} people are left out: their ids begin or end with a blank. FORMAT=jsonl has them")
    return 1 if pages.malformed or left_out else 0


def add_arguments(parser):
    parser.add_argument("--segment", default="", help="id of the segment (make: SEGMENT=)")
    parser.add_argument("--format", default="", help=f"{' or '.join(FORMATS)} (make: FORMAT=)")
    parser.add_argument("--file", default="", metavar="FILE", help="the file to write (default: below target/export)")


def run(arguments):
    form = arguments.format or FORMATS[0]
    if not SEGMENT.fullmatch(arguments.segment) or form not in FORMATS:
        raise SystemExit(f"SEGMENT names the segment, and FORMAT is one of {', '.join(FORMATS)}")
    stage = open_stage(arguments.stage)
    path = pathlib.Path(arguments.file) if arguments.file else FOLDER / f"{stage.name}-{arguments.segment}.{form}"
    return export_segment(Pages(stage.caller(), arguments.segment), stage.name, arguments.segment, form, path)
