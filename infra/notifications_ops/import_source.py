"""Rows of a file to import: CSV, JSON Lines, and endpoint files that Amazon Pinpoint exported, also compressed (gz).

A file is read row by row. A row that cannot be read is an error of that row only.
"""

import codecs
import gzip
import hashlib
import io
import pathlib
import zlib

from notifications_ops.import_text import (
    MAX_CELL, Row, RowError, TextPlace, bounded_lines, cells_text, csv_records, is_encodable, json_object, unprotected)

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab"}
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
CHUNK_BYTES = 1 << 20
# Letters and marks of CSV and JSON, which every encoding that can be read has at the places of ASCII.
ASCII = b'AZaz09 ",;:{}[]+-_.@'
# Codecs that write texts in another way, and change more than letters.
NOT_TEXT = ("idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape", "utf-7")
# Bytes that Windows-1252 does not assign.
NOT_IN_CP1252 = b"\x81\x8d\x8f\x90\x9d"


class SourceFile:
    """File to import. Its first pass checks the encoding and computes a digest of the content."""

    def __init__(self, path, encoding, progress):
        self.path = pathlib.Path(path)
        self.encoding = known_encoding(encoding)
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
        """Reads the file once. Exits with line and column if the text is not in the encoding. Returns the digest."""
        digest, place, read = hashlib.sha256(), TextPlace(), 0
        decoder = codecs.getincrementaldecoder(self.encoding)()
        utf_8 = Utf8Check()
        try:
            with self._binary() as file:
                while chunk := file.read(CHUNK_BYTES):
                    if read == 0:
                        self._check_beginning(chunk)
                    if b"\0" in chunk:
                        place.pass_over(chunk[:chunk.index(b"\0")].decode(self.encoding, "replace"))
                        raise SystemExit(f"{self.path}: {place} is a zero byte, so the file is not text")
                    place.pass_over(decoder.decode(chunk))
                    utf_8.add(chunk)
                    digest.update(chunk)
                    read += len(chunk)
                    progress.show(read, "bytes checked")
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            place.pass_over(error.object[:error.start].decode(self.encoding, "replace"))
            self._refuse_encoding(place, error)
        except UnicodeError:
            raise SystemExit(f"{self.path}: the text after {place} is not {self.encoding.upper()}") from None
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise SystemExit(f"{self.path}: the gz file is damaged after {place}: {error}") from None
        if read == 0:
            raise SystemExit(f"{self.path}: the file is empty")
        if self.encoding != "utf-8" and utf_8.is_utf_8():
            name = self.encoding.upper()
            raise SystemExit(f"{self.path}: the file is UTF-8, so ENCODING={self.encoding} would garble its letters. Leave "
                             f"ENCODING out. If the file is {name} after all: iconv -f {name} -t UTF-8")
        return digest.hexdigest()

    def _refuse_encoding(self, place, error):
        byte = error.object[error.start]
        advice = f"The byte is 0x{byte:02X}. Find out in which encoding the file was saved, and pass it as ENCODING."
        if self.encoding == "utf-8" and byte not in NOT_IN_CP1252:
            advice = "The file seems to be Latin-1 (Windows-1252). If it is, pass ENCODING=cp1252, and check the accented " \
                     "letters in the result."
        raise SystemExit(f"{self.path}: {place} is not {self.encoding.upper()}. {advice}") from None

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
        """Yields the rows of a CSV file after the header. The number of a row is the line on which it begins."""
        with self._text() as file:
            first = next((line for line in bounded_lines(file) if line and line.strip()), "")
            self.delimiter = max(DELIMITERS, key=lambda one: unquoted(first).count(one))
        with self._text() as file:
            records = csv_records(file, self.delimiter)
            header = next(records, None)
            if header is None or header.error:
                reason = header.error.reason if header else "it is empty"
                raise SystemExit(f"{self.path}: the first row does not name the columns: {reason}")
            self.header = [unprotected(name) for name in header.cells]
            for row in records:
                if row.error is None:
                    row = self._checked(row)
                yield row

    def _checked(self, row):
        """Row with its cells as texts, or with the error that it has another number of cells than the header."""
        row.cells = [unprotected(cell) for cell in row.cells]
        if len(row.cells) <= len(self.header):
            row.text = cells_text(row.cells)
        if len(row.cells) != len(self.header):
            row.error = RowError("", f"has {len(row.cells)} cells, and the header has {len(self.header)}")
        elif not all(map(is_encodable, row.cells)):
            row.error = RowError("", "contains half of a surrogate pair")
        return row

    def json_rows(self):
        """Yields the objects of a JSON Lines file. A row is a line."""
        with self._text() as file:
            for number, line in enumerate(bounded_lines(file), 1):
                if line is None:
                    yield Row(number, error=RowError("", f"is longer than {MAX_CELL:,} characters"))
                    continue
                line = line.strip()
                if not line:
                    continue
                try:
                    yield Row(number, json_object(line), text=line)
                except RowError as error:
                    yield Row(number, error=error, text=line)

    def __str__(self):
        kind = "JSON Lines" if self.delimiter is None else f"CSV, {DELIMITERS[self.delimiter]} as separator"
        bom = " with a byte order mark" if self.has_bom else ""
        return f"{self.path.name}: {kind}, {self.encoding.upper()}{bom}{', gz' if self.is_compressed else ''}"


class Utf8Check:
    """Finds out if a text that is read in another encoding is UTF-8 with letters outside ASCII."""

    def __init__(self):
        self.decoder, self.is_ascii = codecs.getincrementaldecoder("utf-8")(), True

    def add(self, chunk, final=False):
        self.is_ascii = self.is_ascii and chunk.isascii()
        try:
            if self.decoder:
                self.decoder.decode(chunk, final)
        except UnicodeDecodeError:
            self.decoder = None

    def is_utf_8(self):
        self.add(b"", final=True)
        return self.decoder is not None and not self.is_ascii


def known_encoding(encoding):
    """The name of an encoding. Exits if it is none that a file can be read in."""
    try:
        name = codecs.lookup(encoding).name
    except LookupError:
        name = "unknown"
    try:
        is_read = name not in NOT_TEXT and ASCII.decode(name) == ASCII.decode()
    except (LookupError, UnicodeError):
        is_read = False
    if name.startswith(("utf-16", "utf-32")):
        raise SystemExit(f"ENCODING={encoding} is not read. Save the file as UTF-8: iconv -f {encoding.upper()} -t UTF-8")
    if not is_read:
        raise SystemExit(f"ENCODING={encoding} is not known; use utf-8 or cp1252")
    return name


def unquoted(line):
    """Text of a CSV line outside quotes."""
    return "".join(line.split('"')[::2])
