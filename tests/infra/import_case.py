"""Import of a file by the operator's tool, against a fake API."""

import argparse
import contextlib
import csv
import io
import json
import pathlib
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "infra")]

from notifications_ops.caller import Response  # noqa: E402
from notifications_ops.import_recipients import import_file  # noqa: E402


class FakeApi:
    """The batch route: refuses an e-mail address with a blank. `failures` are responses before the real ones."""

    def __init__(self):
        self.people, self.bodies, self.failures, self.forgotten = {}, [], [], 0

    def call(self, scope, method, path, body):
        assert (scope, method, path) == ("recipients", "POST", "/v1/recipients/batch")
        if self.failures:
            failure = self.failures.pop(0)
            if isinstance(failure, BaseException):
                raise failure
            return Response(failure, b"{}")
        self.bodies.append(body)
        entries = [self._entry(index, item, body["dry_run"]) for index, item in enumerate(body["items"])]
        return Response(200, json.dumps({"items": entries}).encode())

    def _entry(self, index, item, dry_run):
        if " " in (item.get("email") or ""):
            error = {"field": f"items[{index}].email", "message": "must have no blank"}
            return {"index": index, "problem": {"status": 422, "title": "A field is not valid", "errors": [error]}}
        known = self.people.get(item["id"])
        if not dry_run:
            self.people[item["id"]] = item
        result = "created" if known is None else "unchanged" if known == item else "updated"
        return {"index": index, "id": item["id"], "result": result}

    def forget(self, _scope):
        self.forgotten += 1


class ImportCase(unittest.TestCase):
    """Case with a fake API and a folder for files."""

    def setUp(self):
        self.api, self.folder = FakeApi(), pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

    def run_import(self, path, form, apply=True, **options):
        defaults = {"mode": "upsert", "encoding": "utf-8", "rate": 1e9, "ids": "user"}
        arguments = argparse.Namespace(file=path, format=form, apply=apply, **{**defaults, **options})
        with contextlib.redirect_stdout(io.StringIO()) as output:
            self.code = import_file(self.api, "local", arguments, self.folder)
        return output.getvalue()

    def refused(self, content, form="csv", **options):
        """The message with which a file is refused as a whole."""
        before = len(self.api.bodies)
        with self.assertRaises(SystemExit) as refusal:
            self.run_import(self.file("refused", content), form, **options)
        self.assertEqual(len(self.api.bodies), before)
        return str(refusal.exception)

    def file(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def rejected(self, dry_run=False):
        found = self.folder.glob("*.rejected.csv")
        [path] = [path for path in found if path.name.endswith(".dry-run.rejected.csv") == dry_run]
        with path.open(newline="") as file:
            return [(row["import_row"], row["import_column"], row["import_reason"]) for row in csv.DictReader(file)]

    def missing(self):
        with self.assertRaises(SystemExit) as refusal:
            self.run_import(self.folder / "missing.csv", "csv")
        return refusal.exception
