"""Run of an import: batches of recipients, retries, the rate, the file of rejected rows, and the place to continue at."""

import collections
import csv
import http.client
import json
import os
import time

from notifications_ops.caller import Response
from notifications_ops.import_text import protected

MAX_ITEMS = 100
# Bytes of a batch as JSON. The API accepts 1 MiB.
MAX_BYTES = 900_000
# Maximum number of tries of a batch that the API throttles or does not complete, and the longest pause between two.
MAX_TRIES, MAX_PAUSE_SECONDS = 10, 30
# Statuses of a batch that the API throttles or does not complete, and of one that it refuses because of an item.
TEMPORARY, OF_AN_ITEM = (429, 500, 502, 503, 504), (400, 413, 422)
PROGRESS_SECONDS = 2
SHOWN_PROBLEMS = 10


class Progress:
    """Progress of a step, shown at most every PROGRESS_SECONDS."""

    def __init__(self, clock=time.monotonic):
        self.clock, self.began, self.shown = clock, clock(), clock()

    def show(self, done, what, total=None, since=0):
        now = self.clock()
        if now - self.shown < PROGRESS_SECONDS:
            return
        self.shown = now
        rate = (done - since) / max(now - self.began, 0.001)
        line = f"  {done:,} {what}, {rate:,.0f}/s"
        if total and rate > 0:
            left = round((total - done) / rate)
            line += f", {done * 100 // total} % of {total:,}, {left // 60} min {left % 60:02} s left"
        print(line, flush=True)


class RejectedRows:
    """CSV file of rejected rows, each with its column and its reason. Cells are protected from spreadsheets.

    `kept` is the place at which an interrupted import continues: the number of rows and of bytes up to it. What the
    interrupted run wrote after it is removed, because those rows are tried again.
    """

    def __init__(self, path, header, kept=(0, 0)):
        self.path, self.header, self.first = path, header, []
        self.number, size = kept
        path.parent.mkdir(parents=True, exist_ok=True)
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.ftruncate(opened, min(size, os.fstat(opened).st_size))
        self._file = os.fdopen(opened, "a", newline="", encoding="utf-8")
        self._writer = csv.writer(self._file)
        if os.fstat(opened).st_size == 0:
            self._writer.writerow([*(header or ["import_source"]), "import_row", "import_column", "import_reason"])

    def position(self):
        """The number of rows and of bytes, all of which are written."""
        self._file.flush()
        return self.number, os.fstat(self._file.fileno()).st_size

    def add(self, row, column, reason, text):
        """Adds a row. `text` is the JSON of its cells in CSV, and the line itself in JSON."""
        cells = (json.loads(text) if text else []) if self.header else [text]
        width = len(self.header or [""])
        cells = (cells + [""] * width)[:width]
        self._writer.writerow([protected(cell) for cell in (*cells, str(row), column, reason)])
        self.number += 1
        if len(self.first) < SHOWN_PROBLEMS:
            self.first.append(f"row {row}, {f'column {column}: ' if column else ''}{reason}")

    def close(self):
        self._file.close()


class ImportState:
    """Place at which an interrupted import continues: the number of recipients that are done, their results, and the end
    of their rejected rows.

    `key` identifies the content of the file and the options. Without a path, nothing is stored: a dry run starts from the
    beginning. So does an import whose file of rejected rows is shorter than it was: rows of it would be lost.
    """

    def __init__(self, path, key, rejected_path):
        self.path, self.key, self.done, self.counts, self.next_row = path, key, 0, collections.Counter(), 0
        self.rejected = (0, 0)
        if path and path.exists():
            stored = json.loads(path.read_text())
            size = rejected_path.stat().st_size if rejected_path.exists() else 0
            if stored["key"] == key and stored["rejected"][1] > size:
                print(f"{rejected_path} has lost rows since the stop: the import begins again", flush=True)
            elif stored["key"] == key:
                self.done, self.next_row = stored["done"], stored["next_row"]
                self.rejected = tuple(stored["rejected"])
                self.counts.update(stored["counts"])

    def save(self):
        if not self.path:
            return
        text = json.dumps({"key": self.key, "done": self.done, "next_row": self.next_row, "counts": self.counts,
                           "rejected": self.rejected})
        new = self.path.with_suffix(".new")
        new.write_text(text)
        new.replace(self.path)

    def finish(self):
        if self.path:
            self.path.unlink(missing_ok=True)


class Importer:
    """Sends the recipients of a spool in batches."""

    def __init__(self, caller, mapping, rejected, mode, rate, clock=time.monotonic):
        self.caller, self.mapping, self.rejected, self.mode = caller, mapping, rejected, mode
        self.rate, self.clock = rate, clock

    def pause(self, seconds):
        """Waits between two batches, or before a repeat."""
        time.sleep(seconds)

    def run(self, spool, state, dry_run):
        """Sends everything after `state`. Saves the state after each batch."""
        progress, since, began = Progress(self.clock), state.done, self.clock()
        for batch, taken, duplicates, next_row in self._batches(spool.groups(state.done)):
            state.counts["rejected"] += duplicates
            if batch:
                self._send(batch, state.counts, dry_run)
            state.done, state.next_row = state.done + taken, next_row
            state.rejected = self.rejected.position()
            state.save()
            ahead = (state.done - since) / self.rate - (self.clock() - began)
            if ahead > 0:
                self.pause(ahead)
            progress.show(state.done, "recipients checked" if dry_run else "recipients imported", spool.people, since)

    def _batches(self, groups):
        """Yields batches: the items with their rows, how many recipients and rejected rows it takes, and the next row."""
        batch, size, taken, duplicates, row = [], 0, 0, 0, 0
        for rows in groups:
            row = rows[0][0]
            if len(rows) > 1 and not self.mapping.groups:
                numbers = ", ".join(str(number) for number, _ in rows[:5])
                for number, cells in rows:
                    self._reject(number, "id", f"rows {numbers} have the same id", cells)
                duplicates, taken = duplicates + len(rows), taken + 1
                continue
            item = self.mapping.item(rows)
            length = len(json.dumps(item.body))
            if length > MAX_BYTES:
                self._reject(rows[0][0], "", f"is larger than {MAX_BYTES:,} bytes", rows[0][1])
                duplicates, taken = duplicates + 1, taken + 1
                continue
            if batch and (len(batch) == MAX_ITEMS or size + length > MAX_BYTES):
                yield batch, taken, duplicates, row
                batch, size, taken, duplicates = [], 0, 0, 0
            batch.append((item, rows))
            size, taken = size + length, taken + 1
        if taken:
            yield batch, taken, duplicates, row

    def _reject(self, row, column, reason, cells):
        self.rejected.add(row, column, reason, json.dumps(cells, ensure_ascii=False))

    def _send(self, batch, counts, dry_run):
        """Sends one batch until each item has a result, and rejects the items with problems."""
        for tries in range(MAX_TRIES):
            response = self._call([item.body for item, _ in batch], dry_run)
            if response.status == 200:
                batch = self._results(batch, response.json["items"], counts)
            elif response.status in OF_AN_ITEM:
                self._send_parts(batch, response, counts, dry_run)
                return
            elif response.status not in TEMPORARY:
                detail = response.json.get("detail", "")
                raise SystemExit(f"the API returned {response.status}: {detail}. The same command continues.")
            if not batch:
                return
            self.pause(min(2 ** tries, MAX_PAUSE_SECONDS))
        raise SystemExit(f"the API did not complete a batch in {MAX_TRIES} tries. The same command continues there.")

    def _send_parts(self, batch, response, counts, dry_run):
        """Sends the halves of a batch that the API refuses as a whole. Rejects the item that is the reason."""
        middle = len(batch) // 2
        if middle:
            self._send(batch[:middle], counts, dry_run)
            self._send(batch[middle:], counts, dry_run)
            return
        [(item, rows)] = batch
        counts["rejected"] += 1
        self._reject_item(item, rows, {"title": f"the API returned {response.status}", **response.json})

    def _call(self, items, dry_run):
        """Calls the API. A lost connection counts as 503: a batch may be repeated."""
        try:
            return self._call_once(items, dry_run)
        except (OSError, http.client.HTTPException):
            return Response(503, b"")

    def _call_once(self, items, dry_run):
        body = {"mode": self.mode, "dry_run": dry_run, "items": items}
        response = self.caller.call("recipients", "POST", "/v1/recipients/batch", body)
        if response.status == 401:  # a token lives for an hour
            self.caller.forget("recipients")
            response = self.caller.call("recipients", "POST", "/v1/recipients/batch", body)
        return response

    def _results(self, batch, entries, counts):
        """Counts the results. Returns the items to send again."""
        again = []
        for (item, rows), entry in zip(batch, entries, strict=True):
            problem = entry.get("problem")
            if problem is None:
                counts[entry["result"]] += 1
            elif problem["status"] >= 500:
                again.append((item, rows))
            else:
                counts["rejected"] += 1
                self._reject_item(item, rows, problem)
        return again

    def _reject_item(self, item, rows, problem):
        errors = problem.get("errors") or [{"field": "", "message": problem.get("detail", problem["title"])}]
        cells = dict(rows)
        for error in errors:
            row, column = item.place(error["field"])
            self._reject(row, column, error["message"], cells.get(row, rows[0][1]))
