"""Rows of a file to import: CSV, JSON Lines, and endpoint files that Amazon Pinpoint exported, also compressed (gz).

A file is read row by row. A row that cannot be read is a fault of that row only.
"""

import codecs
import csv
import gzip
import hashlib
import io
import json
import pathlib
import zlib

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab"}
# Characters with which a spreadsheet begins a formula. This tool writes an apostrophe before them, and removes it again.
FORMULA_STARTS = "=+-@\t\r"
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# Limit of one cell or JSON line. It bounds the memory if a quote is not closed.
MAX_CELL = 131_072
CHUNK_BYTES = 1 << 20


class Fault(Exception):
    """Row that cannot be imported: the column, if one is known, and the reason."""

    def __init__(self, column, reason):
        super().__init__(reason)
        self.column, self.reason = column, reason


class Row:
    """Row of a file. `cells` is a list of texts in CSV and a dict in JSON; it is None if the row has a fault."""

    def __init__(self, number, cells=None, fault=None, text=""):
        self.number, self.cells, self.fault, self.text = number, cells, fault, text


def protected(cell):
    """Cell of a CSV file that no spreadsheet runs as a formula."""
    return f"'{cell}" if cell and cell[0] in FORMULA_STARTS else cell


def unprotected(cell):
    """Cell without the apostrophe of `protected`, and without blanks at its ends."""
    cell = cell.strip(" \u00a0")
    return cell[1:] if len(cell) > 1 and cell[0] == "'" and cell[1] in FORMULA_STARTS else cell


class SourceFile:
    """File to import. Its first pass checks the encoding and computes a digest of the content."""

    def __init__(self, path, encoding, progress):
        self.path = pathlib.Path(path)
        try:
            self.encoding = codecs.lookup(encoding).name
        except LookupError:
            raise SystemExit(f"ENCODING={encoding} is not known; use utf-8 or cp1252") from None
        if not self.path.is_file():
            raise SystemExit(f"{path}: there is no such file")
        with self.path.open("rb") as file:
            self.is_compressed = file.read(2) == b"\x1f\x8b"
        self.delimiter = self.header = None
        self.has_bom = False
        self.digest = self._check(progress)

    def _binary(self):
        return gzip.open(self.path, "rb") if self.is_compressed else self.path.open("rb")

    def _text(self):
        encoding = "utf-8-sig" if self.encoding == "utf-8" else self.encoding
        return io.TextIOWrapper(self._binary(), encoding=encoding, newline="")

    def _check(self, progress):
        """Reads the file once. Exits with the line if the text is not in the encoding. Returns the digest."""
        digest, lines, read = hashlib.sha256(), 0, 0
        decoder = codecs.getincrementaldecoder(self.encoding)()
        try:
            with self._binary() as file:
                while chunk := file.read(CHUNK_BYTES):
                    if read == 0:
                        self._check_beginning(chunk)
                    if b"\0" in chunk:
                        line = lines + chunk[:chunk.index(b"\0")].count(b"\n") + 1
                        raise SystemExit(f"{self.path}: line {line} contains a zero byte, so the file is not text")
                    decoder.decode(chunk)
                    digest.update(chunk)
                    lines, read = lines + chunk.count(b"\n"), read + len(chunk)
                    progress.show(read, "bytes checked")
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            self._refuse_encoding(lines, error)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise SystemExit(f"{self.path}: the gz file is damaged after line {lines}: {error}") from None
        if read == 0:
            raise SystemExit(f"{self.path}: the file is empty")
        return digest.hexdigest()

    def _refuse_encoding(self, lines, error):
        line = lines + error.object[:error.start].count(b"\n") + 1
        raise SystemExit(
            f"{self.path}: line {line} is not {self.encoding.upper()}. The file seems to be Latin-1 (Windows-1252). If it is, "
            "pass ENCODING=cp1252, and check the accented letters in the result.") from None

    def _check_beginning(self, chunk):
        if chunk.startswith(UTF_16):
            raise SystemExit(f"{self.path}: the file is UTF-16. Save it as UTF-8: iconv -f UTF-16 -t UTF-8")
        self.has_bom = chunk.startswith(codecs.BOM_UTF8)
        if chunk.startswith(b"PK\x03\x04"):
            raise SystemExit(f"{self.path}: the file is a spreadsheet or a zip archive. Save it as CSV in UTF-8.")

    @property
    def is_json(self):
        """True if the first line is a JSON object."""
        with self._text() as file:
            return file.read(MAX_CELL).lstrip().startswith("{")

    def csv_rows(self):
        """Yields the rows of a CSV file after the header. Row 1 is the header, as in a spreadsheet."""
        with self._text() as file:
            first = file.readline()
            self.delimiter = max(DELIMITERS, key=lambda one: unquoted(first).count(one))
        with self._text() as file:
            csv.field_size_limit(MAX_CELL)
            reader = csv.reader(file, delimiter=self.delimiter, strict=True)
            try:
                self.header = [unprotected(name) for name in next(reader)]
            except (csv.Error, StopIteration) as error:
                raise SystemExit(f"{self.path}: row 1 does not name the columns: {error}") from None
            number = 1
            while True:
                number += 1
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    yield Row(number, fault=Fault("", f"is not CSV, near line {reader.line_num}: {error}"))
                    continue
                if cells and any(cells):
                    yield self._checked(number, [unprotected(cell) for cell in cells])

    def _checked(self, number, cells):
        if len(cells) == len(self.header):
            return Row(number, cells, text=json.dumps(cells, ensure_ascii=False))
        reason = f"has {len(cells)} cells, and the header has {len(self.header)}"
        return Row(number, fault=Fault("", reason), text=json.dumps(cells, ensure_ascii=False))

    def json_rows(self):
        """Yields the objects of a JSON Lines file. A row is a line."""
        with self._text() as file:
            for number, line in enumerate(bounded_lines(file), 1):
                if line is None:
                    yield Row(number, fault=Fault("", f"is longer than {MAX_CELL:,} characters"))
                    continue
                line = line.strip()
                if not line:
                    continue
                try:
                    cells = json.loads(line)
                except (ValueError, RecursionError) as error:
                    place = getattr(error, "colno", 1)
                    fault = Fault("", f"is not JSON, at character {place}: {getattr(error, 'msg', 'too many levels')}")
                    yield Row(number, fault=fault, text=line)
                    continue
                fault = None if isinstance(cells, dict) else Fault("", "is not an object")
                yield Row(number, None if fault else cells, fault, line)

    def __str__(self):
        kind = "JSON Lines" if self.delimiter is None else f"CSV, {DELIMITERS[self.delimiter]} as separator"
        bom = " with a byte order mark" if self.has_bom else ""
        return f"{self.path.name}: {kind}, {self.encoding.upper()}{bom}{', gz' if self.is_compressed else ''}"


def unquoted(line):
    """Text of a CSV line outside quotes."""
    return "".join(line.split('"')[::2])


def bounded_lines(file):
    """Yields the lines of a file, and None for a line that is too long."""
    while line := file.readline(MAX_CELL):
        if len(line) == MAX_CELL and not line.endswith("\n"):
            while (rest := file.readline(MAX_CELL)) and not rest.endswith("\n"):
                pass
            line = None
        yield line
