"""Endpoint files that Amazon Pinpoint exported, as CSV or JSON Lines. The rows of one `User.UserId` become one recipient.

docs/moving-from-pinpoint.md lists the mapping. The newest `EffectiveDate` wins.
"""

import collections
import math
import re

from notifications_ops.import_mapping import Item
from notifications_ops.import_text import Row, RowError

PUSH = ("GCM", "APNS", "APNS_SANDBOX", "APNS_VOIP", "APNS_VOIP_SANDBOX", "ADM", "BAIDU")
FIELDS = {"EMAIL": ("email", "email"), "SMS": ("phone", "sms")}
KNOWN_CHANNELS = (*FIELDS, *PUSH, "VOICE", "CUSTOM", "IN_APP")
# Zones that Pinpoint remaps itself, because the time zone database has no such names any more.
ZONES = {"Canada/East-Saskatchewan": "America/Managua", "US/Pacific-New": "America/Los_Angeles"}
LOCATION = {"Country": "country", "Region": "region", "City": "city", "PostalCode": "postal_code",
            "Latitude": "latitude", "Longitude": "longitude"}
# Maximum number of addresses that a recipient keeps without using them.
MAX_NOT_USED = 10
# Names of the attributes that this mapping adds itself.
NOT_USED, PLACE = "pinpoint_not_used", "location"
DATE = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]00:?00)$")


def nested(source):
    """Yields the rows of a CSV export as nested objects. A repeated column is a list."""
    for row in source.csv_rows():
        if row.error is None:
            cells = {}
            for name, value in zip(source.header, row.cells):
                if value:
                    put(cells, name, value)
            row = Row(row.number, cells, text=row.text)
        yield row


def put(cells, name, value):
    """Stores a cell under its dotted name. Custom attributes are lists, as in JSON; their names may contain dots."""
    *path, last = name.split(".", 2) if name.startswith("User.") else name.split(".", 1)
    for part in path:
        cells = cells.setdefault(part, {})
        if not isinstance(cells, dict):
            return
    if path and path[-1] in ("Attributes", "UserAttributes"):
        cells.setdefault(last, []).append(value)
    else:
        cells[last] = value


def part(endpoint, name):
    """Object of an endpoint; empty if it is missing."""
    found = endpoint.get(name)
    return found if isinstance(found, dict) else {}


def text(value):
    """Text of a value; empty if it is missing or one of the placeholders that Pinpoint's SDKs write."""
    value = "" if value is None else str(value).strip()
    return "" if value.lower() in ("unknown", "null", "none") else value


def simple(values):
    """A custom attribute: its only value, or the list of its values."""
    values = values if isinstance(values, list) else [values]
    return values[0] if len(values) == 1 else values


def number(value):
    """A metric as a number; the value itself if it is none, or one that the API does not accept."""
    try:
        found = float(value) if "." in str(value) else int(value)
        return found if math.isfinite(found) else value
    except (TypeError, ValueError, OverflowError):
        return value


class PinpointMapping:
    """One row for each endpoint, grouped by user."""

    groups = True

    def __init__(self, use_endpoint_ids=False):
        self.use_endpoint_ids, self.no_home = use_endpoint_ids, collections.Counter()

    def read(self, row):
        endpoint = row.cells
        channel, address = text(endpoint.get("ChannelType")).upper(), text(endpoint.get("Address"))
        if channel not in KNOWN_CHANNELS:
            raise RowError("ChannelType", "is required" if not channel else "is not a channel of Pinpoint")
        if not address and channel in FIELDS:
            raise RowError("Address", "is required")
        opt_out = text(endpoint.get("OptOut")).upper()
        if opt_out not in ("", "ALL"):  # NONE is read as empty
            raise RowError("OptOut", "must be ALL or NONE")
        effective = text(endpoint.get("EffectiveDate"))
        if effective and not DATE.match(effective):
            raise RowError("EffectiveDate", "must be a time in UTC such as 2019-08-23T10:54:35.220Z")
        user = text(part(endpoint, "User").get("UserId"))
        if not user and self.use_endpoint_ids:
            user = text(endpoint.get("Id"))
        if not user:
            raise RowError("User.UserId", "is required (IDS=endpoint uses the endpoint's Id for such rows)")
        return user, [address] if channel in FIELDS and is_active(endpoint) else []

    def item(self, rows):
        """Builds the item of one user from its endpoints."""
        newest = sorted(rows, key=lambda one: (moment(one[1]), one[0]), reverse=True)
        body, places, not_used = {}, {}, []
        opted_out = set()
        for number_, endpoint in newest:
            self._count(endpoint)
        for channel, (field, name) in FIELDS.items():
            of_channel = [one for one in newest if channel_of(one[1]) == channel]
            used = next((one for one in of_channel if is_active(one[1])), None)
            if used:
                body[field], places[field] = text(used[1]["Address"]), (used[0], "Address")
            decisive = [one for one in (used, *of_channel[:1]) if one]
            if any(text(one[1].get("OptOut")).upper() == "ALL" for one in decisive):
                opted_out.add(name)
            not_used += [self._kept(name, one[1], body.get(field)) for one in of_channel if one is not used]
        push = [one for one in newest if channel_of(one[1]) in PUSH]
        if push and text(push[0][1].get("OptOut")).upper() == "ALL":
            opted_out.add("push")
        if opted_out:
            # The person's own refusals, so that no later request of a caller changes them.
            body["preferences"] = {"choices": [refusal(channel) for channel in sorted(opted_out)]}
        self._add_demographics(newest, body, places)
        attributes = self._attributes(newest)
        kept = [one for one in not_used if one]
        if kept:
            attributes[NOT_USED] = kept[:MAX_NOT_USED]
        if attributes:
            body["attributes"], places["attributes"] = attributes, (newest[0][0], "User.UserAttributes")
        body["id"] = text(part(newest[0][1], "User").get("UserId")) or text(newest[0][1].get("Id"))
        places["id"] = (newest[0][0], "User.UserId")
        return Item(body, places, min(one[0] for one in rows))

    def _count(self, endpoint):
        channel = channel_of(endpoint)
        if channel not in FIELDS:
            self.no_home[f"{channel} tokens" if channel in PUSH else f"{channel} endpoints"] += 1
        if any(text(value) for name, value in part(endpoint, "Demographic").items() if name not in ("Locale", "Timezone")):
            self.no_home["endpoints with Demographic.Make, Model, Platform or AppVersion"] += 1

    def _kept(self, channel, endpoint, used_address):
        """Address that is kept and not used; None if it is the used one."""
        address = text(endpoint.get("Address"))
        if address.lower() == (used_address or "").lower():
            return None
        reason = "older" if is_active(endpoint) else "inactive"
        self.no_home[f"{reason} {channel} addresses, kept in attributes.{NOT_USED}"] += 1
        return {"channel": channel, "address": address, "reason": reason}

    @staticmethod
    def _add_demographics(newest, body, places):
        for name, field in (("Locale", "locale"), ("Timezone", "time_zone")):
            for row, endpoint in newest:
                if value := text(part(endpoint, "Demographic").get(name)):
                    value = value.replace("_", "-") if field == "locale" else ZONES.get(value, value)
                    body[field], places[field] = value, (row, f"Demographic.{name}")
                    break

    @staticmethod
    def _attributes(newest):
        """Custom attributes: those of the user before those of the endpoint before metrics, the newest of each name."""
        attributes = {}
        sources = [(lambda one: part(part(one, "User"), "UserAttributes"), simple),
                   (lambda one: part(one, "Attributes"), simple), (lambda one: part(one, "Metrics"), number)]
        for found, convert in sources:
            for _, endpoint in newest:
                for name, values in found(endpoint).items():
                    if values not in (None, "", []):
                        attributes.setdefault(name, convert(values))
        for _, endpoint in newest:
            location = {ours: text(part(endpoint, "Location").get(theirs)) for theirs, ours in LOCATION.items()}
            location = {name: value for name, value in location.items() if value}
            if location:
                attributes.setdefault(PLACE, location)
                break
        return attributes


def refusal(channel):
    return {"channel": channel, "wants": False, "by": "person"}


def moment(endpoint):
    """Effective date with nine decimals, so that dates compare as texts; empty if there is none."""
    date = text(endpoint.get("EffectiveDate"))
    decimals = re.search(r"\.(\d+)", date)
    return f"{date[:19]}.{decimals[1] if decimals else '':0<9.9}" if date else ""


def channel_of(endpoint):
    return text(endpoint.get("ChannelType")).upper()


def is_active(endpoint):
    return text(endpoint.get("EndpointStatus")).upper() != "INACTIVE"
