"""Imports recipients from a file: a dry run that writes nothing, and with APPLY=yes the import.

    make import FILE=people.csv FORMAT=csv                             checks every row with the API, and writes nothing
    make import FILE=people.csv FORMAT=csv APPLY=yes                   imports it; the same command continues after a stop
    make import FILE=export.json.gz FORMAT=pinpoint STAGE=staging      an endpoint file that Amazon Pinpoint exported

FORMAT is csv (comma, semicolon or tab), jsonl (JSON Lines) or pinpoint (CSV or JSON Lines). Files may be compressed (gz).
The text is UTF-8; ENCODING=cp1252 reads another encoding. RATE is the number of recipients per second.

Opt-outs are only added. Rejected rows are written into target/import with their column and reason. That file and the
input contain personal data; the output of this tool does not. docs/moving-from-pinpoint.md describes the mapping.
"""

import hashlib
import itertools
import pathlib

from notifications_ops import import_spool, samconfig
from notifications_ops.import_mapping import CsvMapping, JsonMapping
from notifications_ops.import_pinpoint import PinpointMapping, nested
from notifications_ops.import_run import Importer, ImportState, Progress, RejectedRows
from notifications_ops.import_source import SourceFile
from notifications_ops.stage import open_stage

SUMMARY = "import recipients from a CSV, JSON Lines or Pinpoint file"
FOLDER = samconfig.ROOT / "target/import"
FORMATS, MODES = ("csv", "jsonl", "pinpoint"), ("create", "upsert", "update_only")
RESULTS = ("created", "updated", "unchanged", "rejected")
DEFAULT_RATE = 500


def rows_of(numbers):
    """The first rows of a duplicate, as text."""
    return f", first: rows {', '.join(map(str, numbers))}" if numbers else ""


def print_summary(spool, mapping, state, rejected, dry_run):
    """Prints counts, duplicates, what has no home and the first problems. It prints no personal data."""
    print(f"{'recipients':12}{spool.people:,} in {spool.rows:,} rows")
    for result in RESULTS:
        verb = f"would be {result}" if dry_run else result
        print(f"  {verb:20}{state.counts[result]:,}")
    ids, rows, first = spool.duplicate_ids()
    if not mapping.groups:
        print(f"{'duplicates':12}by id: {rows:,} rows with {ids:,} ids, all rejected{rows_of(first)}")
    addresses, first = spool.duplicate_addresses()
    print(f"{'duplicates':12}by address: {addresses:,} addresses that several recipients have{rows_of(first)}")
    for what, number in sorted(mapping.no_home.items()):
        if number:
            print(f"{'no home':12}{number:,} {what}")
    for problem in rejected.first:
        print(f"{'problem':12}{problem}")
    if rejected.number:
        print(f"{'rejected':12}{rejected.number:,} reasons, in {rejected.path}")


def reject_unreadable_rows(spool, rejected, counts):
    """Rejects the rows that could not be read, and counts them."""
    for row, column, reason, text in spool.row_errors():
        rejected.add(row, column, reason, text)
        counts["rejected"] += 1


def opened_rows(arguments, source):
    """Mapping of the format, and the rows of the file."""
    if arguments.format == "csv":
        rows = source.csv_rows()
        first = list(itertools.islice(rows, 1))  # the header is known now
        return CsvMapping(source.header), itertools.chain(first, rows)
    if arguments.format == "jsonl":
        return JsonMapping(), source.json_rows()
    return PinpointMapping(arguments.ids == "endpoint"), source.json_rows() if source.is_json else nested(source)


def import_file(caller, stage_name, arguments, folder=FOLDER):
    """Runs an import or its dry run. Returns the exit code: 1 if rows are rejected."""
    source = SourceFile(arguments.file, arguments.encoding, Progress())
    options = f"{source.digest} {source.encoding} {stage_name} {arguments.format} {arguments.mode} {arguments.ids}"
    base = folder / f"{stage_name}-{source.path.name}"
    # A dry run between a stop and its continuation leaves the file of the import alone.
    rejected_path = pathlib.Path(f"{base}{'' if arguments.apply else '.dry-run'}.rejected.csv")
    mapping, rows = opened_rows(arguments, source)
    folder.mkdir(parents=True, exist_ok=True)
    with import_spool.opened() as spool:
        spool.fill(rows, mapping, Progress())
        print(source, flush=True)
        state = ImportState(pathlib.Path(f"{base}.state.json") if arguments.apply else None,
                            hashlib.sha256(options.encode()).hexdigest(), rejected_path)
        rejected = RejectedRows(rejected_path, source.header if arguments.format == "csv" else None, state.rejected)
        if state.done:
            print(f"continues at row {state.next_row}: {state.done:,} of {spool.people:,} recipients are done", flush=True)
        else:
            reject_unreadable_rows(spool, rejected, state.counts)
        try:
            Importer(caller, mapping, rejected, arguments.mode, arguments.rate).run(spool, state, not arguments.apply)
        except KeyboardInterrupt:
            print(f"stopped before row {state.next_row}; the same command continues there")
            return 130
        finally:
            rejected.close()
        print_summary(spool, mapping, state, rejected, not arguments.apply)
        state.finish()
    if not arguments.apply:
        print("nothing was written; APPLY=yes imports this file")
    return 1 if state.counts["rejected"] else 0


def positive(text):
    """A rate from the command line."""
    if not (rate := float(text)) > 0:
        raise ValueError(text)
    return rate


def add_arguments(parser):
    parser.add_argument("--file", default="", metavar="FILE", help="the file (make: FILE=)")
    parser.add_argument("--format", default="", help="its format (make: FORMAT=)")
    parser.add_argument("--apply", action="store_true", help="import (make: APPLY=yes); without it, a dry run")
    parser.add_argument("--mode", default="upsert", choices=MODES, help="recipients to write (default: upsert)")
    parser.add_argument("--encoding", default="utf-8", help="encoding of the text (default: utf-8)")
    parser.add_argument("--rate", type=positive, default=DEFAULT_RATE, help=f"recipients per second (default: {DEFAULT_RATE})")
    parser.add_argument("--ids", default="user", choices=("user", "endpoint"),
                        help="pinpoint: `endpoint` uses the endpoint's Id if User.UserId is empty")


def run(arguments):
    if not arguments.file or arguments.format not in FORMATS:
        raise SystemExit(f"FILE names the file, and FORMAT is one of {', '.join(FORMATS)}")
    stage = open_stage(arguments.stage)
    return import_file(stage.caller(), stage.name, arguments)
