"""The operator's tool and the other Python tools, without AWS."""

import contextlib
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "infra"), str(ROOT / "infra/local"), str(ROOT / "tests/benches")]

import bench  # noqa: E402
import run_faults  # noqa: E402
from notifications_ops import cli, parameters, sms_receipts, stage  # noqa: E402


class Bench(unittest.TestCase):
    def test_only_the_text_between_the_markers_is_replaced(self):
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

    def test_named_cases_run_in_either_form(self):
        self.assertEqual(run_faults.lanes_of(["sns", "resets"], is_short=True), [[("sns", "resets")]])


class Init(unittest.TestCase):
    def made(self, secrets_key):
        """The arguments of each put parameter, by the last part of its name."""
        ssm = mock.Mock()
        ssm.exceptions.ParameterAlreadyExists = KeyError
        ssm.get_parameter.return_value = {"Parameter": {"Value": parameters.new_vapid_private_key()}}
        with contextlib.redirect_stdout(io.StringIO()):
            parameters.create(ssm, "staging", secrets_key)
        return {call.kwargs["Name"].rpartition("/")[2]: call.kwargs for call in ssm.put_parameter.call_args_list}

    def test_an_own_key_encrypts_every_secret_and_nothing_else(self):
        for name, put in self.made("arn:key").items():
            self.assertEqual(put.get("KeyId"), "arn:key" if put["Type"] == "SecureString" else None, name)

    def test_without_an_own_key_aws_s_key_is_used(self):
        self.assertFalse(any("KeyId" in put for put in self.made("").values()))


class SenderId(unittest.TestCase):
    def said(self, sender_id):
        account = sms_receipts.Account.__new__(sms_receipts.Account)
        account.sender_id, account.region, account.account = sender_id, "eu-west-1", "123456789012"
        with contextlib.redirect_stdout(io.StringIO()) as output:
            account.print_sender_policy()
        return output.getvalue()

    def test_the_permission_for_sns_is_named(self):
        said = self.said("Shop")
        self.assertIn("put-resource-policy --region eu-west-1", said)
        self.assertIn("\"aws:SourceAccount\": \"123456789012\"", said)
        for placeholder in ("SENDER ", "REGION", "ACCOUNT"):
            self.assertNotIn(placeholder, said)

    def test_without_a_key_no_permission_is_named(self):
        self.assertEqual(self.said(""), "")


class CommandLine(unittest.TestCase):
    def parsed(self, *words):
        return cli.parser().parse_args(words)

    def refused(self, *words):
        """The error output of an invalid command line."""
        with contextlib.redirect_stderr(io.StringIO()) as output, self.assertRaises(SystemExit):
            self.parsed(*words)
        return output.getvalue()

    def test_each_subcommand_runs_on_the_local_stage_unless_another_is_named(self):
        for name in cli.SUBCOMMANDS:
            self.assertEqual(self.parsed(name).stage, "local")
            self.assertEqual(self.parsed(name, "--stage", "prod").stage, "prod")

    def test_help_names_every_subcommand_and_every_option_says_what_it_does(self):
        text = " ".join(cli.parser().format_help().split())
        for name, module in cli.SUBCOMMANDS.items():
            self.assertIn(name, text)
            self.assertIn(module.SUMMARY, text)
            with contextlib.redirect_stdout(io.StringIO()) as output, self.assertRaises(SystemExit):
                self.parsed(name, "--help")
            self.assertIn(module.__doc__.splitlines()[0], output.getvalue())

    def test_each_subcommand_is_called_by_a_target_of_the_makefile(self):
        makefile = (ROOT / "Makefile").read_text()
        for name in cli.SUBCOMMANDS:
            self.assertIn(f"\n{name}: ", makefile)
            self.assertIn(f"$(OPS) {name} --stage \"$$STAGE\"", makefile)

    def test_make_passes_values_with_spaces_and_quotes(self):
        given = {"STAGE": "local", "PARAMS": "SenderName=\"Example Ltd\" X='a b'", "TAGS": "", "CONFIRM": "no"}
        shown = subprocess.run(["make", "-s", "deploy", "OPS=printf '<%s>'", "--assume-old=target/venv/local/ready",
                                "--assume-old=target/venv/build/ready"], cwd=ROOT, env={**os.environ, **given},
                               capture_output=True, text=True, check=True).stdout
        self.assertIn(f"<--params><{given['PARAMS']}><--tags><><--confirm><no>", shown)

    def test_invalid_numbers_of_sends_are_refused(self):
        for count in ("0", "20", "1000"):
            self.assertEqual(self.parsed("smoke", "--sends", count).sends, int(count))
        for count in ("19", "1001", "-1", "many"):
            self.assertIn("20 to 1000", self.refused("smoke", f"--sends={count}"))

    def test_an_unknown_subcommand_and_an_unknown_stage_are_refused(self):
        self.assertIn("invalid choice", self.refused("redive"))
        with self.assertRaisesRegex(SystemExit, "no stage 'stagin' in samconfig.toml; its stages: local, staging, prod"):
            stage.open_stage("stagin")

    def test_the_folder_is_a_program(self):
        shown = subprocess.run([sys.executable, str(ROOT / "infra/notifications_ops"), "--help"], cwd="/",
                               capture_output=True, text=True, check=True).stdout
        self.assertIn("sms-receipts", shown)


class LocalStage(unittest.TestCase):
    def test_without_a_running_stack_the_way_to_start_one_is_named(self):
        with mock.patch.dict(os.environ, {"STACK_JSON": "/nowhere/stack.json"}), self.assertRaisesRegex(SystemExit, "make up"):
            stage.open_stage("local")

    def test_the_local_stage_is_described_by_stack_json(self):
        described = {"region": "eu-west-1", "endpoint_url": "http://127.0.0.1:1", "api_url": "http://127.0.0.1:1/api",
                     "token_url": "http://127.0.0.1:1/oauth2/token"}
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(described, file)
            file.flush()
            with mock.patch.dict(os.environ, {"STACK_JSON": file.name}):
                found = stage.open_stage("local")
        self.assertTrue(found.is_local)
        self.assertEqual((found.api_url, found.token_url), (described["api_url"], described["token_url"]))
        self.assertEqual(found.client("sqs").meta.endpoint_url, "http://127.0.0.1:1")

    def test_every_other_stage_is_on_aws_in_the_region_of_its_deploys(self):
        with mock.patch.dict(os.environ, {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}):
            found = stage.open_stage("staging")
        self.assertFalse(found.is_local)
        self.assertIn("eu-west-1", found.client("sqs").meta.endpoint_url)


if __name__ == "__main__":
    unittest.main()
