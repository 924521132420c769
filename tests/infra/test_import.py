"""Imports of recipients by the operator's tool, against a fake API."""

import argparse
import contextlib
import gzip
import io
import json
import pathlib
import tempfile
import unittest
import unittest.mock

from import_case import ImportCase
from notifications_ops import cli, import_run

FILES = pathlib.Path(__file__).parent / "import_files"


class Import(ImportCase):
    def test_a_csv_file_with_mark_semicolons_crlf_and_quoted_line_breaks(self):
        output = self.run_import(FILES / "people.csv", "csv")
        self.assertIn("CSV, semicolon as separator, UTF-8 with a byte order mark", output)
        self.assertEqual(self.api.people["customer-1"], {
            "id": "customer-1", "email": "ada@example.com", "phone": "+393331234567", "locale": "it-IT",
            "time_zone": "Europe/Rome", "preferences": {"quiet_hours": {"start": "22:00", "end": "07:00"}},
            "attributes": {"plan": "gold", "note": "calls back;\r\nnever on Mondays"}})
        self.assertEqual(self.api.people["customer-2"]["preferences"], {"opted_out_channels": ["sms", "push"]})
        self.assertEqual(self.api.people["customer-6"]["attributes"], {"plan": "=1+1"})
        self.assertEqual(sorted(self.api.people), ["customer-1", "customer-2", "customer-6"])

    def test_broken_rows_and_two_rows_of_one_id_are_rejected_with_row_column_and_reason(self):
        output = self.run_import(FILES / "people.csv", "csv")
        self.assertEqual(sorted(self.rejected()), [
            ("10", "id", "is required"),
            ("5", "email", "must have no blank"),
            ("6", "", "has 2 cells, and the header has 9"),
            ("7", "id", "rows 7, 8 have the same id"),
            ("8", "id", "rows 7, 8 have the same id")])
        self.assertEqual(self.code, 1)
        self.assertIn("by id: 2 rows with 1 ids, all rejected, first: rows 7, 8", output)
        self.assertIn("by address: 1 addresses that several recipients have, first: rows 2, 9", output)
        for personal in ("example.com", "customer-", "+39"):
            self.assertNotIn(personal, output)

    def test_a_dry_run_asks_the_api_and_writes_nothing(self):
        output = self.run_import(FILES / "people.csv", "csv", apply=False)
        self.assertTrue(all(body["dry_run"] for body in self.api.bodies))
        self.assertEqual(self.api.people, {})
        self.assertRegex(output, r"would be created +3\n")
        self.assertRegex(output, r"would be rejected +5\n")
        [left] = self.folder.iterdir()
        self.assertEqual((left.name, left.stat().st_mode & 0o777), ("local-people.csv.dry-run.rejected.csv", 0o600))

    def test_rejected_rows_can_be_mended_and_imported_and_hold_no_formula(self):
        source = self.file("a.csv", "id,email,attributes.x\np,a b,=cmd()\nq,b c,@x\n")
        self.run_import(source, "csv")
        [path] = self.folder.glob("*.rejected.csv")
        self.assertIn("'=cmd()", path.read_text())
        mended = self.file("mended.csv", path.read_text().replace("a b", "ab@example.com").replace("b c", "bc@example.com"))
        self.run_import(mended, "csv")
        self.assertEqual((self.code, self.api.people["p"]["attributes"]), (0, {"x": "=cmd()"}))

    def test_other_separators_and_encodings(self):
        for content, separator in (("id,email\na,a@example.com\n", "comma"), ("id\temail\r\na\ta@example.com", "tab")):
            self.assertIn(separator, self.run_import(self.file("a.csv", content), "csv"))
        latin = "id;attributes.name\na;Niccolò\n".encode("latin-1")
        message = self.refused(latin)
        self.assertIn("line 2, column 9 is not UTF-8", message)
        self.assertIn("ENCODING=cp1252", message)
        self.run_import(self.file("latin.csv", latin), "csv", encoding="cp1252")
        self.assertEqual(self.api.people["a"]["attributes"], {"name": "Niccolò"})

    def test_a_file_that_is_no_table_of_recipients_is_refused(self):
        self.assertIn("UTF-16", self.refused("id\na".encode("utf-16")))
        self.assertIn("zip archive", self.refused(b"PK\x03\x04rest"))
        self.assertIn("empty", self.refused(""))
        self.assertIn("line 2, column 2 is a zero byte", self.refused("id\na\0b"))
        self.assertIn("`id` is missing", self.refused("email,phone\na,b\n"))
        self.assertIn("unknown column 'colour'", self.refused("id,colour\na,b\n"))
        self.assertIn("'id' appears twice", self.refused("id,id\na,b\n"))
        self.assertIn("damaged", self.refused(gzip.compress(b"id\n" + bytes(range(1, 99)) * 50)[:-20]))
        for encoding in ("klingon", "rot13", "base64"):
            self.assertIn("not known", self.refused("id\na\n", encoding=encoding))
        self.assertIn("no such file", str(self.missing()))

    def test_file_and_format_are_required(self):
        for words in ([], ["--file", "a.csv"], ["--file", "a.csv", "--format", "xlsx"]):
            with self.assertRaisesRegex(SystemExit, "FORMAT is one of csv, jsonl, pinpoint"):
                cli.main(["import", *words])

    def test_json_lines(self):
        output = self.run_import(FILES / "people.jsonl", "jsonl")
        self.assertEqual(self.api.people["customer-1"]["attributes"], {"age": 36, "tags": ["a", "b"]})
        self.assertEqual(self.api.people["customer-2"], {"id": "customer-2", "email": "bob@example.com"})
        self.assertRegex(output, r"no home +1 devices without endpoint and keys")
        self.assertRegex(output, r"no home +1 suppressed addresses")
        self.assertEqual([(row, column) for row, column, _ in self.rejected()], [("3", ""), ("5", ""), ("6", "id")])
        self.assertIn("is not JSON, at character", self.rejected()[0][2])

    def test_an_export_of_a_recipient_is_a_line(self):
        export = {"exported_at": "2026-11-23T10:00:00Z", "recipient": {"id": "a", "locale": "it", "created_at": "x"}, "history": {}}
        self.run_import(self.file("a.jsonl", json.dumps(export)), "jsonl")
        self.assertEqual(self.api.people, {"a": {"id": "a", "locale": "it"}})

    def test_pinpoint_rows_are_grouped_by_user_and_the_newest_wins(self):
        output = self.run_import(FILES / "pinpoint.csv", "pinpoint")
        self.assertEqual(self.api.people["user-1"], {
            "id": "user-1", "email": "ada@example.com", "phone": "+393331234567", "locale": "it-IT",
            "time_zone": "Europe/Rome", "preferences": {"choices": [{"channel": "sms", "wants": False, "by": "person"}]},
            "attributes": {"Plan": "gold", "Interests": ["Music", "Travel"], "Shop": "Rome", "location": {"country": "IT"},
                           "pinpoint_not_used": [{"channel": "email", "address": "old@example.com", "reason": "inactive"}]}})
        self.assertEqual(self.api.people["user-2"], {
            "id": "user-2", "time_zone": "America/Los_Angeles",
            "preferences": {"choices": [{"channel": "push", "wants": False, "by": "person"}]}, "attributes": {"location": {"country": "US"}}})
        self.assertEqual([(row, column) for row, column, _ in self.rejected()],
                         [("7", "EffectiveDate"), ("8", "User.UserId")])
        for no_home in ("1 APNS tokens", "1 GCM tokens", "1 inactive email addresses", "2 endpoints with Demographic.Make"):
            self.assertIn(no_home, output)

    def test_pinpoint_json_lines_in_gz_give_the_same_fields(self):
        path = self.file("export.json.gz", gzip.compress((FILES / "pinpoint.jsonl").read_bytes()))
        self.run_import(path, "pinpoint")
        ada = self.api.people["user-1"]
        self.assertEqual((ada["email"], ada["locale"], ada["time_zone"]), ("ada@example.com", "it-IT", "Europe/Rome"))
        self.assertEqual(ada["attributes"], {"Plan": "gold", "Interests": ["Music", "Travel"], "Shop": "Rome", "Orders": 3.0,
                                             "location": {"country": "IT", "city": "Rome"}})
        self.assertEqual(ada["preferences"], {"choices": [{"channel": "sms", "wants": False, "by": "person"}]})
        self.assertEqual([(row, column) for row, column, _ in self.rejected()], [("3", "")])

    def test_an_opt_out_counts_if_the_used_or_the_newest_endpoint_has_it(self):
        def opted_out(*endpoints):
            rows = [{"ChannelType": "EMAIL", "Address": f"{status}{day}@example.com", "OptOut": opt_out,
                     "EndpointStatus": status, "EffectiveDate": f"2024-01-{day}T00:00:00Z", "User": {"UserId": "u"}}
                    for status, day, opt_out in endpoints]
            self.api.people.clear()
            self.run_import(self.file("a.jsonl", "\n".join(map(json.dumps, rows))), "pinpoint")
            return "preferences" in self.api.people["u"]

        self.assertFalse(opted_out(("ACTIVE", "02", "NONE"), ("ACTIVE", "01", "ALL")))
        self.assertTrue(opted_out(("ACTIVE", "01", "NONE"), ("ACTIVE", "02", "ALL")))
        self.assertTrue(opted_out(("ACTIVE", "01", "ALL"), ("INACTIVE", "02", "NONE")))
        self.assertTrue(opted_out(("ACTIVE", "01", "NONE"), ("INACTIVE", "02", "ALL")))

    def test_rows_without_a_user_take_the_id_of_their_endpoint_on_request(self):
        self.run_import(FILES / "pinpoint.csv", "pinpoint", ids="endpoint")
        self.assertEqual(self.api.people["e-7"]["email"], "dan@example.com")

    def test_an_interrupted_import_continues_where_it_stopped(self):
        people = self.file("many.csv", "id,email\n" + "".join(f"p{n},p{n}@example.com\n" for n in range(250)) + "bad\n")
        self.api.failures = []
        real = self.api.call
        calls = iter(range(10))

        def call(*words):
            if next(calls) == 2:
                raise KeyboardInterrupt
            return real(*words)

        self.api.call = call
        self.assertIn("stopped before row 202; the same command continues there", self.run_import(people, "csv"))
        self.assertEqual((self.code, len(self.api.people)), (130, 200))
        self.api.call = real
        self.api.bodies.clear()
        output = self.run_import(people, "csv")
        self.assertIn("continues at row 202: 200 of 250 recipients are done", output)
        self.assertEqual([len(body["items"]) for body in self.api.bodies], [50])
        self.assertRegex(output, r"created +250\n")
        self.assertRegex(output, r"rejected +1\n")
        self.assertEqual([row for row, _, _ in self.rejected()], ["252"])
        # A changed file, and a finished import, begin again.
        self.assertNotIn("continues", self.run_import(people, "csv"))

    def stopped(self, path, **options):
        """Imports a file, and stops in the third batch."""
        real, calls = self.api.call, iter(range(10))

        def call(*words):
            if next(calls) == 2:
                raise KeyboardInterrupt
            return real(*words)

        self.api.call = call
        self.run_import(path, "csv", **options)
        self.api.call = real
        self.assertEqual(self.code, 130)

    def test_a_dry_run_between_a_stop_and_its_continuation_changes_nothing(self):
        rows = "".join(f"p{n},p{n}@example.com\n" for n in range(250))
        people = self.file("many.csv", f"id,email\nbad\n{rows}q,a b\n")
        self.stopped(people)
        self.run_import(people, "csv", apply=False)
        self.assertEqual([row for row, _, _ in self.rejected(dry_run=True)], ["2", "253"])
        self.assertIn("continues at row 203", self.run_import(people, "csv"))
        self.assertEqual([row for row, _, _ in self.rejected()], ["2", "253"])

    def test_an_import_whose_rejected_rows_are_lost_begins_again(self):
        rows = "".join(f"p{n},p{n}@example.com\n" for n in range(250))
        people = self.file("many.csv", f"id,email\nbad\n{rows}q,a b\n")
        for lose in (lambda path: path.unlink(), lambda path: path.write_text("id\n")):
            self.stopped(people)
            lose(self.folder / "local-many.csv.rejected.csv")
            output = self.run_import(people, "csv")
            self.assertIn("has lost rows since the stop: the import begins again", output)
            self.assertNotIn("continues at row", output)
            self.assertRegex(output, r"rejected +2\n")
            self.assertEqual([row for row, _, _ in self.rejected()], ["2", "253"])

    def test_an_import_in_another_encoding_does_not_continue(self):
        rows = "".join(f"p{n},Niccol\xf2\n" for n in range(250))
        people = self.file("latin.csv", f"id,attributes.name\n{rows}".encode("latin-1"))
        self.stopped(people, encoding="mac-roman")
        self.assertNotIn("continues", self.run_import(people, "csv", encoding="cp1252"))
        self.assertEqual({person["attributes"]["name"] for person in self.api.people.values()}, {"Niccolò"})
        self.stopped(people, encoding="cp1252")
        self.assertIn("continues", self.run_import(people, "csv", encoding="windows-1252"))

    def test_a_run_that_is_killed_leaves_each_rejected_row_once_and_no_spool(self):
        rows = "".join(f"p{n},p{n}@example.com\n" for n in range(250))
        people = self.file("many.csv", f"id,email\nbad\n{rows}p220,twice@example.com\n")
        real, calls, spools = self.api.call, iter(range(10)), []

        def call(*words):
            spools.extend(pathlib.Path(tempfile.gettempdir()).glob("import-*.db"))
            if next(calls) == 2:
                raise SystemExit("killed")
            return real(*words)

        # The third batch has the two rows of one id, which are rejected before the batch is sent.
        self.api.call = call
        with self.assertRaises(SystemExit):
            self.run_import(people, "csv")
        self.assertEqual(len(self.rejected()), 3)
        self.api.call = real
        output = self.run_import(people, "csv")
        self.assertEqual([row for row, _, _ in self.rejected()], ["2", "223", "253"])
        self.assertRegex(output, r"rejected +3\n")
        self.assertEqual(spools, [])

    def test_throttled_and_unfinished_batches_are_repeated_and_a_token_is_renewed(self):
        self.api.failures = [429, 503, 401]
        pauses = []
        with unittest.mock.patch.object(import_run.Importer, "pause", lambda _, seconds: pauses.append(seconds)):
            self.run_import(self.file("a.csv", "id\na\n"), "csv")
        self.assertEqual((pauses[:2], self.api.forgotten, sorted(self.api.people)), ([1, 2], 1, ["a"]))

    def test_items_that_were_not_reached_are_sent_again_alone(self):
        unreached, real = {"b"}, self.api._entry

        def entry(index, item, dry_run):
            if item["id"] in unreached:
                unreached.clear()
                return {"index": index, "problem": {"status": 503, "title": "", "detail": ""}}
            return real(index, item, dry_run)

        self.api._entry = entry
        with unittest.mock.patch.object(import_run.Importer, "pause", lambda *_: None):
            self.run_import(self.file("a.csv", "id\na\nb\n"), "csv")
        self.assertEqual([[item["id"] for item in body["items"]] for body in self.api.bodies], [["a", "b"], ["b"]])

    def test_a_refusal_of_the_api_ends_the_import(self):
        self.api.failures = [403]
        with self.assertRaises(SystemExit) as refusal:
            self.run_import(self.file("a.csv", "id\na\n"), "csv")
        self.assertIn("the API returned 403", str(refusal.exception))

    def test_the_rate_is_kept_and_progress_is_shown(self):
        clock = [0.0]
        rejected = argparse.Namespace(position=lambda: (0, 0))
        importer = import_run.Importer(self.api, None, rejected, "upsert", 100, lambda: clock[0])
        importer.pause = lambda seconds: clock.__setitem__(0, clock[0] + seconds)
        importer._batches = lambda _: (([], 100, 0, number) for number in range(5))
        spool = argparse.Namespace(groups=lambda _: (), people=500)
        state = import_run.ImportState(None, "", None)
        with contextlib.redirect_stdout(io.StringIO()) as output:
            importer.run(spool, state, False)
        self.assertEqual((clock[0], state.done), (5.0, 500))
        self.assertIn("100/s, 40 % of 500, 0 min 03 s left", output.getvalue())


if __name__ == "__main__":
    unittest.main()
