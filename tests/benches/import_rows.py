"""Bench of the import tool: reading, grouping and mapping the rows of a file, without the API.

Each format runs in a process of its own, so that its peak memory is known. SHORT=1 uses few rows.
"""

import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "infra")]

from notifications_ops import import_spool  # noqa: E402
from notifications_ops.import_mapping import CsvMapping, JsonMapping  # noqa: E402
from notifications_ops.import_pinpoint import PinpointMapping  # noqa: E402
from notifications_ops.import_run import Progress  # noqa: E402
from notifications_ops.import_source import SourceFile  # noqa: E402

ROWS = 1_000 if os.environ.get("SHORT") else 100_000
FORMATS = ("csv", "jsonl", "pinpoint")


def lines(form, rows):
    """Lines of a file. In the Pinpoint file, each user has two endpoints far apart."""
    if form == "csv":
        yield "id;email;phone;locale;time_zone;attributes.plan"
    for n in range(rows):
        if form == "csv":
            yield f"customer-{n};customer-{n}@example.com;+3933312{n:05};it-IT;Europe/Rome;gold"
        elif form == "jsonl":
            yield json.dumps({"id": f"customer-{n}", "email": f"customer-{n}@example.com", "locale": "it-IT",
                              "attributes": {"plan": "gold", "orders": n}})
        else:
            user = n % (rows // 2)
            channel, address = ("EMAIL", f"user-{user}@example.com") if n < rows // 2 else ("SMS", f"+3933312{user:05}")
            yield json.dumps({"ChannelType": channel, "Address": address, "Id": f"e-{n}", "OptOut": "NONE",
                              "EndpointStatus": "ACTIVE", "EffectiveDate": f"2024-01-01T00:00:{n % 60:02}.000Z",
                              "Demographic": {"Locale": "it_IT", "Timezone": "Europe/Rome", "Make": "Apple"},
                              "User": {"UserId": f"user-{user}", "UserAttributes": {"Plan": ["gold"]}}})


def measure(form, rows):
    """Prints one line of the table."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / form
        with path.open("w") as file:
            file.writelines(f"{line}\n" for line in lines(form, rows))
        began = time.monotonic()
        source = SourceFile(path, "utf-8", Progress(lambda: 0))
        rows_read = source.csv_rows() if form == "csv" else source.json_rows()
        if form == "csv":
            first = next(rows_read)
            mapping, rows_read = CsvMapping(source.header), (row for part in ([first], rows_read) for row in part)
        else:
            mapping = JsonMapping() if form == "jsonl" else PinpointMapping()
        with import_spool.opened() as spool:
            spool.fill(rows_read, mapping, Progress(lambda: 0))
            items = sum(len(json.dumps(mapping.item(group).body)) > 2 for group in spool.groups())
            spool.duplicate_ids(), spool.duplicate_addresses()
        seconds = time.monotonic() - began
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(f"{form:10}{rows:>9,} rows {items:>9,} recipients {seconds:7.1f} s {rows / seconds:>9,.0f} rows/s {peak:>6} MB peak")


def main():
    if len(sys.argv) > 1:
        return measure(sys.argv[1], int(sys.argv[2]))
    for form in FORMATS:
        for rows in (ROWS // 10, ROWS):
            subprocess.run([sys.executable, __file__, form, str(rows)], check=True)


if __name__ == "__main__":
    main()
