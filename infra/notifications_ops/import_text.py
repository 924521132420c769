"""Rows of CSV and JSON text. A row that cannot be read is an error of that row only."""

import collections
import csv
import json
import math
import re

# Begin of a cell that a spreadsheet runs as a formula. This tool writes an apostrophe before it, and removes one again.
FORMULA = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
# Limit of one cell or line. It bounds the memory if a quote is not closed.
MAX_CELL = 131_072
# Maximum number of lines of one CSV row. A row that is longer has a quote that is not closed.
MAX_ROW_LINES = 100
# Maximum number of levels of a JSON row. The API accepts 100 in a batch.
MAX_LEVELS = 90
# Digits of the largest number that the API accepts. Its numbers are 64-bit floating point.
MAX_DIGITS = 309
# Maximum length of a member's name in the file of rejected rows and in the output.
MAX_NAME = 100


class RowError(Exception):
    """Row that cannot be imported: the column, if one is known, and the reason."""

    def __init__(self, column, reason):
        super().__init__(reason)
        self.column, self.reason = column, reason


class Row:
    """Row of a file. `cells` is a list of texts in CSV and a dict in JSON; it is None if the row has an error.

    `text` is what the file of rejected rows shows: a JSON list of cells in CSV, and the line in JSON.
    """

    def __init__(self, number, cells=None, error=None, text=""):
        self.number, self.cells, self.error, self.text = number, cells, error, text


class InvalidValue:
    """Value of a JSON row that the API does not accept."""

    def __init__(self, reason):
        self.reason = reason


OUT_OF_RANGE = InvalidValue("is a number out of range")
NO_NUMBER = InvalidValue("is not JSON: NaN and Infinity are no values")
HALF_PAIR = InvalidValue("contains half of a surrogate pair")


def protected(cell):
    """Cell of a CSV file that no spreadsheet runs as a formula."""
    return f"'{cell}" if FORMULA.match(cell) else cell


def unprotected(cell):
    """Cell without the apostrophe of `protected`, and without blanks at its ends."""
    cell = cell.strip(" \u00a0")
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell


def is_encodable(text):
    """True if the text can be written as UTF-8: it has no half of a surrogate pair."""
    try:
        text.encode()
        return True
    except UnicodeEncodeError:
        return False


def encodable(text):
    """Text with a question mark for each half of a surrogate pair."""
    return text if is_encodable(text) else text.encode("utf-8", "replace").decode()


class TextPlace:
    """Line and column of a position in a text, both from 1."""

    def __init__(self):
        self.line, self.column = 1, 1

    def pass_over(self, text):
        """Moves behind `text`. A byte order mark is not counted."""
        if self.line == self.column == 1:
            text = text.removeprefix("\ufeff")
        if lines := text.count("\n"):
            self.line, self.column = self.line + lines, len(text) - text.rindex("\n")
        else:
            self.column += len(text)

    def __str__(self):
        return f"line {self.line}, column {self.column}"


def bounded_lines(file):
    """Yields the lines of a file, and None for a line that is too long."""
    while line := file.readline(MAX_CELL):
        if len(line) == MAX_CELL and not line.endswith(("\n", "\r")):
            while (rest := file.readline(MAX_CELL)) and not rest.endswith(("\n", "\r")):
                pass
            line = None
        yield line


def lines_of_row(again, fresh, taken):
    """Yields the lines of one CSV row to its reader, first those that are read again. `taken` receives them."""
    while len(taken) < MAX_ROW_LINES:
        if not again and (line := next(fresh, "")) != "":
            again.append(line)
        if not again or (again[0] is None and taken):
            return
        taken.append(again.popleft())
        if taken[-1] is None:
            return
        yield taken[-1]


def csv_records(file, delimiter):
    """Yields the rows of a CSV file that are not empty. The number of a row is the line on which it begins.

    If a row is broken, its first line is an error, and reading continues on the line after it. So a quote that is not closed
    costs one row. The lines that are read again must have pairs of quotes: the end of a broken row is no row.
    """
    csv.field_size_limit(MAX_CELL)
    fresh, again, number = bounded_lines(file), collections.deque(), 1
    while True:
        is_read_again, taken = bool(again), []
        reader = csv.reader(lines_of_row(again, fresh, taken), delimiter=delimiter, strict=True)
        try:
            row = Row(number, next(reader))
            if is_read_again and "".join(taken).count('"') % 2:
                raise csv.Error("a quote has no counterpart in this row")
        except StopIteration:
            if not taken:
                return
            row = Row(number, error=RowError("", f"is longer than {MAX_CELL:,} characters"))
        except csv.Error as error:
            row = Row(number, error=RowError("", f"is not CSV, near line {number + len(taken) - 1}: {error}"))
            again.extendleft(reversed(taken[1:]))
            del taken[1:]
        number += len(taken)
        if row.error or any(row.cells):
            row.text = cells_text(["".join(line or "" for line in taken).rstrip("\r\n")])
            yield row


def cells_text(cells):
    """Text of a CSV row for the file of rejected rows."""
    return json.dumps([encodable(cell) for cell in cells], ensure_ascii=False)


def json_object(line):
    """Object of a line of JSON Lines.

    Raises a RowError if the line is no JSON object, or if the API would refuse the whole batch because of it.
    """
    try:
        found = json.loads(line, object_pairs_hook=members, parse_constant=lambda _: NO_NUMBER, parse_int=whole_number,
                           parse_float=decimal_number)
        too_deep = line.count("{") + line.count("[") > MAX_LEVELS and levels(found) > MAX_LEVELS
    except RecursionError:
        too_deep = True
    except ValueError as error:
        raise RowError("", f"is not JSON, at character {getattr(error, 'colno', 1)}: {getattr(error, 'msg', 'no value')}") from None
    if too_deep:
        raise RowError("", f"has more than {MAX_LEVELS} levels")
    if not isinstance(found, dict):
        raise RowError("", "is not an object")
    return found


def members(pairs):
    """Object of its members. Raises a RowError with the name that appears twice, or whose value the API does not accept."""
    found = {}
    for name, value in pairs:
        column = ascii(name[:MAX_NAME])[1:-1] if not name.isprintable() else name[:MAX_NAME]
        if name in found:
            raise RowError(column, "appears twice in its object")
        if unfit := HALF_PAIR if not is_encodable(name) else unfit_part(value):
            raise RowError(column, unfit.reason)
        found[name] = value
    return found


def unfit_part(value):
    """Part of a value that the API does not accept; None if there is none. Objects are checked when they are read."""
    parts = [value]
    while parts:
        one = parts.pop()
        if isinstance(one, InvalidValue):
            return one
        if isinstance(one, str) and not is_encodable(one):
            return HALF_PAIR
        if isinstance(one, list):
            parts += one
    return None


def whole_number(text):
    return OUT_OF_RANGE if len(text) >= MAX_DIGITS and decimal_number(text) is OUT_OF_RANGE else int(text)


def decimal_number(text):
    value = float(text)
    return value if math.isfinite(value) else OUT_OF_RANGE


def levels(value):
    """Number of levels of a JSON value."""
    deepest, parts = 0, [(value, 1)]
    while parts:
        one, level = parts.pop()
        deepest = max(deepest, level)
        if isinstance(one, (dict, list)):
            parts += [(part, level + 1) for part in (one.values() if isinstance(one, dict) else one)]
    return deepest
