"""Mapping of rows to the items of POST /v1/recipients/batch.

Each mapping has `read(row)`, which returns the recipient's id and the addresses of one row, and `item(rows)`, which builds
the item of one recipient. `no_home` counts data that has no place in this service.
"""

import collections

from notifications_ops.import_text import RowError, json_object

LISTS = ("opted_out_types", "opted_out_channels", "unsubscribed_types")
PLAIN = ("id", "email", "phone", "locale", "time_zone")
# Columns of CSV whose cells are JSON objects, as in an export.
JSON_COLUMNS = ("preferences", "attributes")
# Columns that this tool adds to the file of rejected rows.
OWN_COLUMNS = ("import_row", "import_column", "import_reason")
# Members of an export that the service computes itself.
COMPUTED = ("created_at", "updated_at", "suppressed_channels")


class Item:
    """Recipient to import. `places` maps a field of the item to the row and the column from which it comes."""

    def __init__(self, body, places, row):
        self.body, self.places, self.row = body, places, row

    def place(self, field):
        """Row and column of an API field, such as `items[3].preferences.opted_out_channels[0]`."""
        name = field.partition("].")[2]
        known = [one for one in self.places if name == one or name.startswith((f"{one}.", f"{one}["))]
        return self.places[max(known, key=len)] if known else (self.row, name)


class CsvMapping:
    """One row for each recipient. Empty cells are left out, so they change nothing.

    A column of its own takes precedence over a member of a column that is JSON.
    """

    groups = False

    def __init__(self, header):
        self.header, self.no_home = header, collections.Counter()
        known = (*PLAIN, *LISTS, "quiet_hours", *JSON_COLUMNS, *OWN_COLUMNS)
        for name in header:
            if header.count(name) > 1:
                raise SystemExit(f"the column {name!r} appears twice")
            if name not in known and not name.startswith("attributes."):
                raise SystemExit(f"unknown column {name!r}. Known: {', '.join(known[:-3])}, attributes.<name>")
        if "id" not in header:
            raise SystemExit(f"the column `id` is missing; the first row must name the columns, and has: {', '.join(header)}")

    def read(self, row):
        cells = dict(zip(self.header, row.cells))
        if not cells["id"]:
            raise RowError("id", "is required")
        quiet = cells.get("quiet_hours")
        if quiet and len(quiet.split("-")) != 2:
            raise RowError("quiet_hours", "must be two times such as 22:00-07:00")
        for name in JSON_COLUMNS:
            if cells.get(name):
                json_cell(name, cells[name])
        return cells["id"], [cells[name] for name in ("email", "phone") if cells.get(name)]

    def item(self, rows):
        [(number, cells)] = rows
        body, places, preferences, attributes = {}, {}, {}, {}
        columns = sorted(zip(self.header, cells), key=lambda column: column[0] not in JSON_COLUMNS)
        for name, value in columns:
            if not value or name in OWN_COLUMNS:
                continue
            if name in PLAIN:
                body[name], field = value, name
            elif name == "unsubscribed_types":
                body[name], field = split(value), name
            elif name == "quiet_hours":
                start, end = value.split("-")
                preferences[name], field = {"start": start.strip(), "end": end.strip()}, f"preferences.{name}"
            elif name in JSON_COLUMNS:
                {"preferences": preferences, "attributes": attributes}[name].update(json_cell(name, value))
                field = name
            elif name in LISTS:
                preferences[name], field = split(value), f"preferences.{name}"
            else:
                attributes[name.removeprefix("attributes.")], field = value, "attributes"
            places[field] = (number, name)
        body.update({name: value for name, value in (("preferences", preferences), ("attributes", attributes)) if value})
        return Item(body, places, number)


def json_cell(column, text):
    """Object of a CSV cell. Raises a RowError of its column."""
    try:
        return json_object(text)
    except RowError as error:
        raise RowError(column, f"{error.column} {error.reason}".lstrip()) from None


def split(value):
    """Words of a cell with a list, separated by `|`."""
    return [word.strip() for word in value.split("|") if word.strip()]


class JsonMapping:
    """One line for each recipient, with the members of the API. A line may be a recipient as GET or the export returned it."""

    groups = False

    def __init__(self):
        self.no_home = collections.Counter()

    def read(self, row):
        if isinstance(row.cells.get("recipient"), dict) and "exported_at" in row.cells:
            row.cells = row.cells["recipient"]
        recipient_id = row.cells.get("id")
        if not isinstance(recipient_id, str) or not recipient_id:
            raise RowError("id", "is required, as a text")
        addresses = [row.cells.get(name) for name in ("email", "phone")]
        return recipient_id, [one for one in addresses if isinstance(one, str)]

    def item(self, rows):
        [(number, body)] = rows
        for name in COMPUTED:
            if body.pop(name, None) and name == "suppressed_channels":
                self.no_home["suppressed addresses (the stage keeps its own list)"] += 1
        devices = body.get("devices")
        if isinstance(devices, list):
            kept = [one for one in devices if not isinstance(one, dict) or "device_id" not in one or "endpoint" in one]
            self.no_home["devices without endpoint and keys"] += len(devices) - len(kept)
            body["devices"] = kept
            if not kept:
                del body["devices"]
        return Item(body, {}, number)
