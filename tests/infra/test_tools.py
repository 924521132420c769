"""What the other tools of `infra` do, without AWS."""

import contextlib
import io
import os
import pathlib
import sys
import unittest
from unittest import mock

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "infra"), str(ROOT / "infra/local")]

import bench  # noqa: E402
import init  # noqa: E402
import run_faults  # noqa: E402
import sms_receipts  # noqa: E402


class Bench(unittest.TestCase):
    def test_what_stands_between_the_markers_is_replaced_and_nothing_else(self):
        document = f"before\n{bench.BEGIN}\nold\n{bench.END}\nafter\n"
        once = bench.rewritten(document, [("Sealing", "0.97")], "2 cores", "2026-11-28")
        self.assertTrue(once.startswith("before\n") and once.endswith("\nafter\n"))
        self.assertIn("Measured on 2026-11-28: 2 cores.", once)
        self.assertIn("### Sealing\n\n```text\n0.97\n```", once)
        self.assertNotIn("old", once)
        self.assertEqual(bench.rewritten(once, [("Sealing", "0.97")], "2 cores", "2026-11-28"), once)

    def test_the_document_has_its_markers(self):
        text = bench.DOCUMENT.read_text()
        self.assertLess(text.index(bench.BEGIN), text.index(bench.END))
        with self.assertRaises(SystemExit):
            bench.rewritten("no markers", [], "", "")


class Faults(unittest.TestCase):
    def test_the_short_form_has_one_case_of_each_service_in_one_lane(self):
        [lane] = run_faults.lanes_of([], is_short=True)
        self.assertEqual(sorted(service for service, _ in lane), sorted(run_faults.kinds.SERVICES))
        self.assertTrue(all(kind in run_faults.kinds.KINDS for _, kind in lane))

    def test_the_long_form_has_every_case_once(self):
        cases = [case for lane in run_faults.lanes_of([], is_short=False) for case in lane]
        wanted = {(service, kind) for service in run_faults.kinds.SERVICES for kind in run_faults.kinds.KINDS}
        self.assertEqual((len(cases), set(cases)), (len(wanted), wanted))

    def test_words_choose_whatever_the_form(self):
        self.assertEqual(run_faults.lanes_of(["sns", "resets"], is_short=True), [[("sns", "resets")]])


class Init(unittest.TestCase):
    def made(self, secrets_key):
        """Every parameter that is put, by its last name, with what it is put with."""
        ssm = mock.Mock()
        ssm.exceptions.ParameterAlreadyExists = KeyError
        ssm.get_parameter.return_value = {"Parameter": {"Value": init.new_vapid_private_key()}}
        with contextlib.redirect_stdout(io.StringIO()):
            init.init(ssm, "staging", secrets_key)
        return {call.kwargs["Name"].rpartition("/")[2]: call.kwargs for call in ssm.put_parameter.call_args_list}

    def test_an_own_key_encrypts_every_secret_and_nothing_else(self):
        for name, put in self.made("arn:key").items():
            self.assertEqual(put.get("KeyId"), "arn:key" if put["Type"] == "SecureString" else None, name)

    def test_without_one_aws_s_key_is_taken(self):
        self.assertFalse(any("KeyId" in put for put in self.made("").values()))


class SenderId(unittest.TestCase):
    def said(self, sender_id):
        account = sms_receipts.Account.__new__(sms_receipts.Account)
        account.sender_id, account.region, account.account = sender_id, "eu-west-1", "123456789012"
        with contextlib.redirect_stdout(io.StringIO()) as output:
            account.say_what_the_sender_needs()
        return output.getvalue()

    def test_what_lets_sns_use_it_is_said(self):
        said = self.said("Shop")
        self.assertIn("put-resource-policy --region eu-west-1", said)
        self.assertIn("\"aws:SourceAccount\": \"123456789012\"", said)
        for placeholder in ("SENDER ", "REGION", "ACCOUNT"):
            self.assertNotIn(placeholder, said)

    def test_without_one_nothing_is(self):
        self.assertEqual(self.said(""), "")


class Short(unittest.TestCase):
    def test_smoke_sends_few(self):
        import smoke
        with mock.patch.dict(os.environ, {"SHORT": "1", "SENDS": "100"}):
            self.assertEqual(smoke.count_asked(), 20)


class FuzzLock(unittest.TestCase):
    def test_the_fuzz_workspace_has_the_versions_of_the_workspace(self):
        own, of_fuzz = (self.versions(path) for path in ("Cargo.lock", "tests/fuzz/libfuzzer/Cargo.lock"))
        other = {name: found for name, found in of_fuzz.items() if name in own and not found <= own[name]}
        self.assertEqual(other, {}, "cargo update in tests/fuzz/libfuzzer, to the versions of the workspace")

    @staticmethod
    def versions(path):
        try:
            import tomllib
        except ModuleNotFoundError:  # Python 3.10
            import tomli as tomllib
        found = {}
        for package in tomllib.loads((ROOT / path).read_text())["package"]:
            found.setdefault(package["name"], set()).add(package["version"])
        return found


if __name__ == "__main__":
    unittest.main()
