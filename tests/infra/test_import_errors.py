"""Errors of an import: broken rows cost only themselves, and a lost connection costs nothing."""

import csv
import http.client
import io
import json
import unittest
import unittest.mock
import urllib.error

from import_case import ImportCase
from notifications_ops import import_run, import_text
from notifications_ops.caller import Caller, Response


class Errors(ImportCase):
    def test_a_wrong_encoding_is_refused_with_line_and_column_and_without_advice_that_does_not_help(self):
        message = self.refused("\ufeffid;è\na;Ugo\n".encode()[:-1] + b" \x81\n")
        self.assertIn("line 2, column 7 is not UTF-8. The byte is 0x81", message)
        self.assertNotIn("cp1252", message)
        message = self.refused(b"id;attributes.name\na;Niccol\x81\n", encoding="cp1252")
        self.assertIn("line 2, column 9 is not CP1252. The byte is 0x81", message)
        self.assertNotIn("ENCODING=cp1252", message)
        # The place is right behind the first chunk as well, and for a character that the end of the file cuts.
        long = b"id\n" + b"a\n" * 600_000
        self.assertIn("line 600002, column 2 is not UTF-8", self.refused(long + b"b\xff\n"))
        self.assertIn("line 600002, column 2 is not UTF-8", self.refused(long + b"b\xe2\x82"))

    def test_utf_8_that_another_encoding_would_garble_is_refused(self):
        for encoding in ("cp1252", "latin-1", "mac-roman", "cp850"):
            for text in ("id;attributes.name\na;Niccolò\n", "\ufeffid\na\n", "id\n" + "a\n" * 600_000 + "b€\n"):
                message = self.refused(text.encode(), encoding=encoding)
                self.assertIn("the file is UTF-8", message)
                self.assertIn("Leave ENCODING out", message)
        # Plain ASCII is the same in each, and one byte that is not UTF-8 shows that the file is not.
        for content in (b"id\na\n", "id;attributes.name\na;ò€\nb;".encode() + b"\xf2\n",
                        "id;attributes.name\na;ò€".encode() + b"\xe2"):
            self.run_import(self.file("a.csv", content), "csv", encoding="latin-1")
            self.assertEqual(self.code, 0)

    def test_an_encoding_in_which_no_file_is_read_is_refused(self):
        for encoding in ("idna", "punycode", "unicode_escape", "raw_unicode_escape", "utf-7", "base64", "rot13", "cp037",
                         "undefined", "no"):
            for content in (b"id\na\n", "id\nò\n".encode("latin-1"), b"id\n\\x\n"):
                self.assertIn("is not known; use utf-8 or cp1252", self.refused(content, encoding=encoding), encoding)
        for encoding in ("utf-16", "UTF16", "utf_16_le", "utf-32"):
            message = self.refused("id\na".encode(encoding), encoding=encoding)
            self.assertIn(f"ENCODING={encoding} is not read", message)
            self.assertIn(f"iconv -f {encoding.upper()} -t UTF-8", message)

    def test_a_quote_that_is_not_closed_is_an_error_of_its_row(self):
        rows = "".join(f"p{number},x\n" for number in range(3))
        self.run_import(self.file("a.csv", f'id,attributes.x\n{rows}q,"a"b\nr,y\n'), "csv")
        [(row, _, reason)] = self.rejected()
        self.assertEqual(row, "5")
        self.assertIn("is not CSV, near line 5", reason)
        self.assertEqual(sorted(self.api.people), ["p0", "p1", "p2", "r"])

    def test_a_quote_that_is_not_closed_costs_one_row(self):
        after = "".join(f"p{number},x\n" for number in range(300))
        for broken, lost in (
            (f'q,"open\n{after}', []),                                    # to the end of the file
            (f'q,"open\np300,x\np301,"quoted"\n{after}', []),             # until the next quote, which is none of its own
            (f'q,"open\np300,x\np301,x"y\n{after}', ["4"]),              # the line with the quote is doubtful
        ):
            self.api.people.clear()
            self.run_import(self.file("a.csv", f"id,attributes.x\n{broken}"), "csv")
            self.assertEqual([row for row, _, _ in self.rejected()], ["2", *lost], broken[:40])
            self.assertEqual({f"p{number}" for number in range(300)} - set(self.api.people), set())
            self.assertEqual("p300" in self.api.people, "p300" in broken)
            [path] = self.folder.glob("*.rejected.csv")
            with path.open(newline="") as file:
                self.assertEqual([row["id"] for row in csv.DictReader(file)][0], 'q,"open')

    def test_a_row_with_too_many_cells_or_too_long_is_in_the_file_of_rejected_rows(self):
        long = "x" * import_text.MAX_CELL
        self.run_import(self.file("a.csv", f'id,attributes.x\na,"b\nc",d\ne,{long}\n"f\n{long}\ng,h\n'), "csv")
        [path] = self.folder.glob("*.rejected.csv")
        with path.open(newline="") as file:
            rows = [(row["import_row"], row["id"], row["import_reason"]) for row in csv.DictReader(file)]
        self.assertEqual(rows, [
            ("2", 'a,"b\nc",d', "has 3 cells, and the header has 2"),
            ("4", "", "is longer than 131,072 characters"),
            ("5", '"f', "is not CSV, near line 5: unexpected end of data"),
            ("6", "", "is longer than 131,072 characters")])
        self.assertEqual(sorted(self.api.people), ["g"])

    def test_a_json_line_that_the_api_would_not_read_is_an_error_of_its_row(self):
        deep = '{"id": "a", "attributes": {"x": ' + "[" * 200 + "]" * 200 + "}}"
        deeper = deep.replace("[", "[" * 1000).replace("]", "]" * 1000)[:100_000]
        lines = [
            ('{"id": "a", "attributes": {"x": NaN}}', "x", "NaN and Infinity are no values"),
            ('{"id": "a", "attributes": {"x": [1, [-Infinity]]}}', "x", "NaN and Infinity are no values"),
            ('{"id": "a", "attributes": {"x": 1e999}}', "x", "is a number out of range"),
            ('{"id": "a", "attributes": {"x": -' + "9" * 5000 + "}}", "x", "is a number out of range"),
            ('{"id": "a", "attributes": {"x": ' + "9" * 309 + "}}", "x", "is a number out of range"),
            ('{"id": "a", "attributes": {"x": "\\ud83d"}}', "x", "contains half of a surrogate pair"),
            ('{"id": "\\udc00"}', "id", "contains half of a surrogate pair"),
            ('{"id": "a", "\\ud83d": 1}', "\\ud83d", "contains half of a surrogate pair"),
            ('{"id": "a", "email": "a@example.com", "email": "b@example.com"}', "email", "appears twice in its object"),
            ('{"id": "a", "attributes": {"x": 1, "x": 1}}', "x", "appears twice in its object"),
            (deep, "", "has more than 90 levels"),
            (deeper, "", "levels"),
            ("NaN", "", "is not an object"),
        ]
        good = ['{"id": "good-1", "attributes": {"x": "\\ud83d\\ude00", "y": 1e300, "z": ' + "9" * 300 + "}}", '{"id": "good-2"}']
        self.run_import(self.file("a.jsonl", "\n".join([good[0], *(line for line, _, _ in lines), good[1]])), "jsonl")
        rejected = self.rejected()
        self.assertEqual([(row, column) for row, column, _ in rejected],
                         [(str(number), column) for number, (_, column, _) in enumerate(lines, 2)])
        for (_, _, reason), (_, _, expected) in zip(rejected, lines, strict=True):
            self.assertIn(expected, reason)
        self.assertEqual(sorted(self.api.people), ["good-1", "good-2"])
        self.assertEqual(self.api.people["good-1"]["attributes"], {"x": "\U0001f600", "y": 1e300, "z": int("9" * 300)})

    def test_a_batch_that_the_api_refuses_as_a_whole_costs_only_the_row_that_is_the_reason(self):
        real, refused = self.api.call, {"p7": 400, "p151": 413}

        def call(scope, method, path, body):
            status = next((refused[item["id"]] for item in body["items"] if item["id"] in refused), None)
            if status is None:
                return real(scope, method, path, body)
            return Response(status, json.dumps({"title": "refused", "status": status, "detail": f"refused {status}"}).encode())

        self.api.call = call
        self.run_import(self.file("a.csv", "id\n" + "".join(f"p{number}\n" for number in range(200))), "csv")
        self.assertEqual(self.rejected(), [("9", "", "refused 400"), ("153", "", "refused 413")])
        self.assertEqual((self.code, len(self.api.people)), (1, 198))

    def test_a_user_that_is_too_large_for_a_batch_is_rejected(self):
        text = "\U0001f600" * 60_000  # 12 bytes a character in the request
        rows = [{"ChannelType": "GCM", "User": {"UserId": user, "UserAttributes": {name: text}}}
                for user, name in (("a", "x"), ("b", "x"), ("b", "y"))]
        self.run_import(self.file("a.jsonl", "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)), "pinpoint")
        self.assertEqual(self.rejected(), [("2", "", "is larger than 900,000 bytes")])
        self.assertEqual(list(self.api.people), ["a"])

    def test_metrics_that_are_no_numbers_of_json_stay_texts(self):
        header = "ChannelType,Address,User.UserId,Metrics.a,Metrics.b,Metrics.c,Metrics.d\n"
        row = f"EMAIL,a@example.com,u,1.0e999,{'9' * 400},nan,2.5\n"
        self.run_import(self.file("a.csv", header + row), "pinpoint")
        self.assertEqual(self.api.people["u"]["attributes"], {"a": "1.0e999", "b": "9" * 400, "c": "nan", "d": 2.5})
        line = '{"ChannelType": "EMAIL", "Address": "a@example.com", "User": {"UserId": "u"}, "Metrics": {"a": 1e999}}'
        self.run_import(self.file("a.csv", line), "pinpoint")
        self.assertEqual(self.rejected(), [("1", "a", "is a number out of range")])

    def test_a_lost_connection_is_repeated_like_a_503(self):
        self.api.failures = [ConnectionResetError(), urllib.error.URLError("no route"), TimeoutError(),
                             http.client.IncompleteRead(b"")]
        pauses = []
        with unittest.mock.patch.object(import_run.Importer, "pause", lambda _, seconds: pauses.append(seconds)):
            self.run_import(self.file("a.csv", "id\na\n"), "csv")
        self.assertEqual((pauses[:4], sorted(self.api.people)), ([1, 2, 4, 8], ["a"]))
        self.api.failures = [ConnectionRefusedError()] * import_run.MAX_TRIES
        with unittest.mock.patch.object(import_run.Importer, "pause", lambda *_: None), \
                self.assertRaisesRegex(SystemExit, "did not complete a batch in 10 tries. The same command continues"):
            self.run_import(self.file("b.csv", "id\nb\n"), "csv")
        self.assertTrue((self.folder / "local-b.csv.rejected.csv").exists())

    def test_a_refusal_of_the_token_endpoint_is_no_lost_connection(self):
        class Opener:
            status = 400

            def open(self, request, timeout):
                raise urllib.error.HTTPError(request.full_url, self.status, "", {}, io.BytesIO())

        caller = Caller("https://api", "https://token", {"recipients": {"id": "i", "secret": "s"}}, Opener())
        with self.assertRaisesRegex(SystemExit, "returned 400 for the client of the scope recipients"):
            caller.call("recipients", "GET", "/")
        Opener.status = 503
        with self.assertRaises(urllib.error.HTTPError):
            caller.call("recipients", "GET", "/")


if __name__ == "__main__":
    unittest.main()
