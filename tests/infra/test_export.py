"""Export of a segment by the operator's tool, against a fake API, and its import."""

import contextlib
import csv
import io
import json
import unittest
import urllib.error
import urllib.parse

from import_case import ImportCase
from notifications_ops import cli, export_segment
from notifications_ops.caller import Response
from notifications_ops.export_segment import Pages
from notifications_ops.import_mapping import COMPUTED


def person(number, attributes, **more):
    return {"id": f"user-{number}", "email": None, "phone": None, "locale": None, "time_zone": None, "attributes": attributes,
            "preferences": {}, "unsubscribed_types": [], "suppressed_channels": [], "created_at": "2026-01-01T00:00:00Z",
            "updated_at": "2026-01-01T00:00:00Z", "devices": [], **more}


PEOPLE = [
    person(1, {"plan": "gold", "visits": 3, "vip": True, "tags": ["a", "b"], "place": {"country": "IT"}},
           email="ada@example.com", phone="+393331234567", locale="it-IT", time_zone="Europe/Rome",
           preferences={"opted_out_types": ["NEWS"], "opted_out_channels": ["sms"], "quiet_hours": {"start": "22:00", "end": "07:00"},
                        "choices": [{"channel": "sms", "wants": False, "by": "person", "at": "2026-01-01T00:00:00Z"}],
                        "quiet_hours_choice": {"by": "person", "at": "2026-01-01T00:00:00Z"}},
           unsubscribed_types=["NEWS"], suppressed_channels=["email"],
           devices=[{"device_id": "d", "host": "h", "created_at": "x", "last_used_at": "x", "expires_at": None}]),
    person(2, {"plan": "=HYPERLINK(1)", "note": "two\nlines, \"quoted\"; and a | bar", "empty": "", "blank": " x ", "36": "36"}),
    person(3, {"plan": "'=1+1", "note": "''+1", "minus": "-1", "at": "@x", "wide": "\uff1d1", "tab": "\t=1", "nbsp": "\u00a0"}),
    person(4, {"name": "Niccolò 😀", " odd name ": "x", "a=b": "c", "zero": "a\u0000b", "line": "a\u2028b", "null": "null"}),
    person(5, {"visits": "3", "vip": "true", "plan": ["gold"]}, email="eve@example.com"),
]


class FakeExport:
    """The export route with two people a page. `failures` are responses before the real ones."""

    def __init__(self, people):
        self.people, self.failures, self.forgotten, self.calls = people, [], 0, []

    def call(self, scope, method, path):
        self.calls.append((scope, method, path))
        if self.failures:
            failure = self.failures.pop(0)
            if isinstance(failure, BaseException):
                raise failure
            return Response(failure, b'{"detail": "why"}')
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(path).query)
        begin = int(query.get("after", ["0"])[0])
        following = begin + 2 if begin + 2 < len(self.people) else None
        page = {"items": self.people[begin:begin + 2], "malformed": 0, "read": 2, "next": following and str(following)}
        return Response(200, json.dumps(page).encode())

    def forget(self, _scope):
        self.forgotten += 1


class Export(ImportCase):
    def export(self, form, people=PEOPLE, fake=None):
        pages, self.pauses = Pages(fake or FakeExport(people), "gold"), []
        pages.pause = self.pauses.append
        path = self.folder / f"export.{form}"
        with contextlib.redirect_stdout(io.StringIO()) as output:
            self.code = export_segment.export_segment(pages, "local", "gold", form, path)
        self.output = output.getvalue()
        return path

    def imported(self, form):
        """Items of the batches with which the tool imports an export."""
        self.api.people.clear()
        self.run_import(self.export(form), form, mode="update_only")
        self.assertEqual(self.code, 0)
        return self.api.people

    def test_every_line_is_a_recipient_as_the_api_returned_it(self):
        path = self.export("jsonl")
        self.assertEqual([json.loads(line) for line in path.read_text().splitlines()], PEOPLE)
        self.assertEqual((path.stat().st_mode & 0o777, [one.name for one in self.folder.iterdir()]), (0o600, ["export.jsonl"]))
        self.assertIn("5 people of gold of local", self.output)
        self.assertNotIn("user-", self.output)

    def test_an_import_of_an_export_sends_what_was_exported_in_both_formats(self):
        expected = {}
        for one in PEOPLE:
            wanted = {name: value for name, value in one.items() if name not in (*COMPUTED, "devices")}
            expected[one["id"]] = {name: value for name, value in wanted.items() if value not in (None, [], {})}
        found = {form: self.imported(form).copy() for form in ("jsonl", "csv")}
        for form, people in found.items():
            people = {id_: {name: value for name, value in item.items() if value not in (None, [], {})}
                      for id_, item in people.items()}
            self.assertEqual(people, expected, form)

    def test_no_cell_of_csv_is_a_formula_and_every_cell_is_one_line(self):
        path = self.export("csv")
        with path.open(newline="") as file:
            rows = list(csv.reader(file))
        self.assertEqual(rows[0][:10], ["id", "email", "phone", "locale", "time_zone", "opted_out_types", "opted_out_channels",
                                        "unsubscribed_types", "preferences", "attributes"])
        self.assertEqual(dict(zip(rows[0], rows[1]))["phone"], "'+393331234567")
        self.assertEqual(dict(zip(rows[0], rows[2]))["attributes.plan"], "'=HYPERLINK(1)")
        for cell in (cell for row in rows for cell in row):
            self.assertNotRegex(cell, "^[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
            self.assertNotRegex(cell, "[\r\n\0]")
        self.assertEqual(len(path.read_text().splitlines()), 1 + len(PEOPLE) + "".join(sum(rows, [])).count("\u2028"))

    def test_more_attributes_than_columns_stay_in_the_column_of_json(self):
        many = {f"a{number}": "x" for number in range(export_segment.MAX_COLUMNS + 5)}
        path = self.export("csv", [person(1, many)])
        with path.open(newline="") as file:
            header, row = csv.reader(file)
        self.assertEqual(sum(name.startswith("attributes.") for name in header), export_segment.MAX_COLUMNS)
        self.assertEqual(len(json.loads(row[header.index("attributes")])), 5)

    def test_an_id_that_a_cell_cannot_keep_is_left_out_of_csv_and_counted(self):
        people = [person(1, {}, id=" ada"), person(2, {}, id="'=eve"), person(3, {}, id="bob\u00a0")]
        self.assertEqual(len(self.export("csv", people).read_text().splitlines()), 2)
        self.assertEqual(self.code, 1)
        self.assertIn("2 people are left out", self.output)
        self.export("jsonl", people)
        self.assertEqual((self.code, "left out" in self.output), (0, False))

    def test_a_segment_without_people_is_a_file_without_rows(self):
        self.assertEqual(self.export("jsonl", []).read_text(), "")
        self.assertEqual(len(self.export("csv", []).read_text().splitlines()), 1)

    def test_a_cell_that_is_no_json_object_is_an_error_of_its_row(self):
        self.run_import(self.file("a.csv", 'id,preferences,attributes\na,x,\nb,,"[1]"\nc,,"{""x"": NaN}"\nd,,"{""x"": 1}"\n'), "csv")
        self.assertEqual([(row, column) for row, column, _ in self.rejected()],
                         [("2", "preferences"), ("3", "attributes"), ("4", "attributes")])
        self.assertEqual(self.api.people, {"d": {"id": "d", "attributes": {"x": 1}}})

    def test_pages_are_repeated_after_a_failure_and_a_token_is_renewed(self):
        fake = FakeExport(PEOPLE)
        fake.failures = [429, 503, ConnectionResetError(), urllib.error.URLError("x"), 401]
        path = self.export("jsonl", fake=fake)
        self.assertEqual(len(path.read_text().splitlines()), len(PEOPLE))
        self.assertEqual((self.pauses, fake.forgotten), ([1, 2, 4, 8, 0.5, 0.5], 1))
        self.assertEqual(set(fake.calls[:6]), {("recipients", "GET", "/v1/segments/gold/export")})
        self.assertEqual(fake.calls[-1][2], "/v1/segments/gold/export?after=4")

    def test_a_refusal_leaves_no_file_and_an_earlier_export_stays(self):
        before = self.export("csv").read_text()
        for failures in ([404], [403], [503] * 10):
            fake = FakeExport(PEOPLE)
            fake.failures = failures
            with self.assertRaisesRegex(SystemExit, "returned 40[34]: why|did not answer in 10 tries"):
                self.export("csv", fake=fake)
        self.assertEqual([one.name for one in self.folder.iterdir()], ["export.csv"])
        self.assertEqual((self.folder / "export.csv").read_text(), before)

    def test_segment_and_format_are_checked(self):
        for words in ([], ["--segment", "Gold"], ["--segment", "a/b"], ["--segment", "gold", "--format", "xlsx"]):
            with self.assertRaisesRegex(SystemExit, "SEGMENT names the segment"):
                cli.main(["export", *words])


if __name__ == "__main__":
    unittest.main()
