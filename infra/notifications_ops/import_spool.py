"""Temporary database of the rows of an import. It groups rows by recipient and finds duplicates with little memory.

It contains personal data. Only its owner may read the file, which has no name any more once it is open: it is gone when
the run ends, however it ends.
"""

import contextlib
import itertools
import json
import os
import pathlib
import sqlite3
import tempfile

from notifications_ops.import_text import RowError

INSERT_ROWS = 2_000
SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA temp_store = FILE;
CREATE TABLE rows (row INTEGER PRIMARY KEY, person TEXT, cells TEXT);
CREATE TABLE row_errors (row INTEGER, column_name TEXT, reason TEXT, cells TEXT);
CREATE TABLE addresses (address TEXT, person TEXT, row INTEGER);
"""
INDEXES = """
CREATE INDEX by_person ON rows (person, row);
CREATE TABLE people AS SELECT person, MIN(row) AS first, COUNT(*) AS rows FROM rows GROUP BY person;
CREATE INDEX by_address ON addresses (address, person);
CREATE INDEX by_first ON people (first);
"""


@contextlib.contextmanager
def opened():
    """A new spool, which is gone at the end."""
    handle, path = tempfile.mkstemp(prefix="import-", suffix=".db")
    os.close(handle)
    try:
        spool = Spool(path)
    finally:
        pathlib.Path(path).unlink()
    try:
        yield spool
    finally:
        spool.database.close()


class Spool:
    """Rows of one file."""

    def __init__(self, path):
        self.database = sqlite3.connect(path, isolation_level=None)
        self.database.executescript(SCHEMA)
        self.rows = self.people = 0

    def fill(self, rows, mapping, progress):
        """Reads all rows. A row with an error is stored with its reason."""
        self.database.execute("BEGIN")
        batch = iter(rows)
        while part := list(itertools.islice(batch, INSERT_ROWS)):
            good, bad, addresses = [], [], []
            for row in part:
                try:
                    if row.error:
                        raise row.error
                    person, found = mapping.read(row)
                    good.append((row.number, person, json.dumps(row.cells, ensure_ascii=False)))
                    addresses += [(address.lower(), person, row.number) for address in found]
                except RowError as error:
                    bad.append((row.number, error.column, error.reason, row.text))
            self.database.executemany("INSERT INTO rows VALUES (?, ?, ?)", good)
            self.database.executemany("INSERT INTO row_errors VALUES (?, ?, ?, ?)", bad)
            self.database.executemany("INSERT INTO addresses VALUES (?, ?, ?)", addresses)
            self.rows += len(part)
            progress.show(self.rows, "rows read")
        self.database.execute("COMMIT")
        self.database.executescript(INDEXES)
        self.people = self._number("SELECT COUNT(*) FROM people")

    def _number(self, query):
        return self.database.execute(query).fetchone()[0]

    def groups(self, skip=0):
        """Yields the rows of each recipient, as pairs of number and cells, in the order of their first rows."""
        query = """SELECT p.first, r.row, r.cells
                   FROM (SELECT person, first FROM people ORDER BY first LIMIT -1 OFFSET ?) p JOIN rows r ON r.person = p.person
                   ORDER BY p.first, r.row"""
        found = self.database.cursor().execute(query, (skip,))
        for _, rows in itertools.groupby(found, key=lambda one: one[0]):
            yield [(row, json.loads(cells)) for _, row, cells in rows]

    def row_errors(self):
        """Yields row, column, reason and text of each row with an error."""
        yield from self.database.cursor().execute("SELECT row, column_name, reason, cells FROM row_errors ORDER BY row")

    def duplicate_ids(self):
        """Number of ids with several rows, number of these rows, and the rows of the first such id."""
        ids, rows = self.database.execute("SELECT COUNT(*), COALESCE(SUM(rows), 0) FROM people WHERE rows > 1").fetchone()
        first = self.database.execute("SELECT person FROM people WHERE rows > 1 ORDER BY first LIMIT 1").fetchone()
        query = "SELECT row FROM rows WHERE person = ? ORDER BY row LIMIT 5"
        return ids, rows, [row for row, in self.database.execute(query, first)] if first else []

    def duplicate_addresses(self):
        """Number of addresses that several recipients have, and rows of the first of them."""
        shared = "SELECT address, MIN(row) AS first FROM addresses GROUP BY address HAVING COUNT(DISTINCT person) > 1"
        number = self._number(f"SELECT COUNT(*) FROM ({shared})")
        first = self.database.execute(f"{shared} ORDER BY first LIMIT 1").fetchone()
        query = "SELECT row FROM addresses WHERE address = ? ORDER BY row LIMIT 5"
        return number, [row for row, in self.database.execute(query, first[:1])] if first else []
