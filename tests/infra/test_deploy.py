"""Checks of `make deploy` around `sam deploy`, against stubbed clients of AWS."""

import json
import pathlib
import sys
import unittest
from unittest import mock

import boto3
from botocore.stub import Stubber

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "infra"))

from notifications_ops import cli, data_stack, deploy, deploy_checks, deployed  # noqa: E402

ISSUER = "https://issuer.example.com/"


def stubbed(service):
    client = boto3.client(service, region_name="eu-west-1", aws_access_key_id="test", aws_secret_access_key="test")
    return client, Stubber(client)


class RouteSettings(unittest.TestCase):
    def test_settings_of_a_removed_route_are_deleted_before_the_deploy(self):
        gateway, stub = stubbed("apigatewayv2")
        kept = deploy_checks.template()["Resources"]["HttpApi"]["Properties"]["RouteSettings"]
        there = {key: {"ThrottlingRateLimit": 1.0} for key in [*kept, "GET /v1/old", "PUT /v1/older/{id}"]}
        asked = {"ApiId": "a1", "StageName": "$default"}
        stub.add_response("get_stage", {"StageName": "$default", "RouteSettings": there}, asked)
        for key in ("GET /v1/old", "PUT /v1/older/{id}"):
            stub.add_response("delete_route_settings", {}, {**asked, "RouteKey": key})
        with stub:
            found = deploy_checks.delete_stale_route_settings(gateway, "a1")
        self.assertEqual(found, ["GET /v1/old", "PUT /v1/older/{id}"])
        stub.assert_no_pending_responses()

    def test_nothing_is_deleted_without_removed_or_existing_settings(self):
        gateway, stub = stubbed("apigatewayv2")
        kept = deploy_checks.template()["Resources"]["HttpApi"]["Properties"]["RouteSettings"]
        stub.add_response("get_stage", {"StageName": "$default", "RouteSettings": {key: {} for key in kept}})
        with stub:
            self.assertEqual(deploy_checks.delete_stale_route_settings(gateway, "a1"), [])
            self.assertEqual(deploy_checks.delete_stale_route_settings(gateway, None), [])
        stub.assert_no_pending_responses()


class Parameters(unittest.TestCase):
    def test_given_values_precede_kept_ones_and_kept_ones_the_default(self):
        declared = {"A": "1", "B": "2", "C": "3", "D": None}
        found = deploy_checks.effective(declared, {"B": "old", "C": "3", "D": "d"}, {"A": "now"})
        self.assertEqual({name: one.value for name, one in found.items()}, {"A": "now", "B": "old", "C": "3", "D": "d"})
        self.assertEqual(found["B"].origin, "kept; the template's default is '2'")
        self.assertEqual([found[name].origin for name in "AC"], ["given", "kept"])

    def test_a_name_that_the_template_does_not_know_ends_the_deploy(self):
        with self.assertRaisesRegex(SystemExit, "no parameter Typo"):
            deploy_checks.effective({"A": "1"}, {}, {"Typo": "x"})

    def test_the_first_deploy_requires_parameters_without_a_default(self):
        with self.assertRaisesRegex(SystemExit, "SenderAddress has no default"):
            deploy_checks.effective(deploy_checks.defaults(), {}, {"Stage": "staging"})


class Issuer(unittest.TestCase):
    def problem(self, document, issuer=ISSUER):
        return deploy_checks.issuer_problem(issuer, lambda url: document)

    def test_a_valid_issuer_serves_its_discovery_document(self):
        asked = []
        document = json.dumps({"issuer": ISSUER, "jwks_uri": "https://issuer.example.com/keys"})
        found = deploy_checks.issuer_problem(ISSUER, lambda url: asked.append(url) or document)
        self.assertIsNone(found)
        self.assertEqual(asked, ["https://issuer.example.com/.well-known/openid-configuration"])

    def test_the_stack_s_own_issuer_is_not_checked(self):
        self.assertIsNone(deploy_checks.issuer_problem("", lambda url: self.fail("it was fetched")))

    def test_others_are_refused(self):
        keys = {"jwks_uri": "https://issuer.example.com/keys"}
        for document in ("not JSON", "[]", json.dumps({"issuer": "https://other.example.com", **keys}),
                         json.dumps({"issuer": ISSUER.rstrip("/"), **keys}), json.dumps({"issuer": ISSUER}),
                         json.dumps({"issuer": ISSUER, "jwks_uri": "http://issuer.example.com/keys"})):
            self.assertIsNotNone(self.problem(document), document)
        self.assertIn("https", self.problem("{}", "http://issuer.example.com"))

        def refuses(_):
            raise OSError("no such host")

        self.assertIn("no such host", deploy_checks.issuer_problem(ISSUER, refuses))


class Access(unittest.TestCase):
    def test_a_protected_route_without_a_token_answers_401(self):
        answers = iter([None, 404, 401])
        waited = []
        self.assertIsNone(deploy_checks.access_problem("https://x", lambda url: next(answers), waited.append))
        self.assertEqual(len(waited), 2)

    def test_missing_routes_are_named(self):
        self.assertIn("authorizer", deploy_checks.access_problem("https://x", lambda url: 404, lambda _: None))
        self.assertIn("200", deploy_checks.access_problem("https://x", lambda url: 200, lambda _: None))


class Tables(unittest.TestCase):
    def test_unprotected_tables_get_protection(self):
        dynamodb, stub = stubbed("dynamodb")
        names = [name.lower() for name in data_stack.TABLES]
        for number, name in enumerate(names):
            is_protected = number == 2
            stub.add_response("describe_table", {"Table": {"DeletionProtectionEnabled": is_protected}}, {"TableName": name})
            if not is_protected:
                stub.add_response("update_table", {}, {"TableName": name, "DeletionProtectionEnabled": True})
        with stub:
            deploy_checks.protect_tables(dynamodb, names)
        stub.assert_no_pending_responses()

    def test_every_table_of_the_template_is_among_them(self):
        resources = data_stack.template()["Resources"].items()
        tables = {name for name, resource in resources if resource["Type"] == "AWS::DynamoDB::Table"}
        self.assertEqual(tables, set(data_stack.TABLES))


class Command(unittest.TestCase):
    def command(self, *options):
        arguments = cli.parser().parse_args(["deploy", "--stage", "prod", *options])
        return deploy.deploy_command("prod", ["P"], arguments)

    def test_confirm_and_tags(self):
        self.assertNotIn("--no-confirm-changeset", self.command())
        self.assertIn("--no-confirm-changeset", self.command("--confirm", "no"))
        tagged = self.command("--tags", "team=mail 'cost=a b'")
        self.assertEqual(tagged[tagged.index("--tags"):][:3], ["--tags", "team=mail", "cost=a b"])

    def test_the_settings_are_found_whatever_the_template_s_folder(self):
        command = self.command()
        self.assertEqual(command[command.index("--config-file") + 1], str(ROOT / "samconfig.toml"))

    def test_the_build_has_artefacts_of_its_own(self):
        self.assertEqual(deploy.ENVIRONMENT["CARGO_TARGET_DIR"], str(ROOT / "target/deploy"))


class DataStack(unittest.TestCase):
    TABLES = {name: name.lower() for name in data_stack.REQUIRED}

    def problem(self, functions, data):
        of = lambda parameters, outputs: deployed.Stack(parameters, outputs) if parameters or outputs else deployed.Stack({}, {}, False)
        return data_stack.find_problem(of(functions, {}), of({}, data), "prod")

    def test_each_output_is_a_parameter_of_the_functions_and_nothing_else_comes_without_a_default(self):
        declared, outputs = deploy_checks.defaults(), data_stack.template()["Outputs"]
        self.assertEqual({name for name, default in declared.items() if default is None} - set(outputs),
                         {"Stage", "SenderAddress", "VapidSubject"})
        self.assertEqual([declared[name] for name in outputs], [None] * len(outputs))
        self.assertLessEqual(set(data_stack.REQUIRED), set(outputs))
        for name, resource in data_stack.template()["Resources"].items():
            self.assertTrue(name in outputs or name == "ResourceServer", f"{name}, {resource['Type']}, has no output")

    def test_without_a_user_pool_its_parameters_are_empty(self):
        found = data_stack.parameters(self.TABLES)
        self.assertEqual({name for name, value in found.items() if not value}, set(found) - set(self.TABLES))

    def test_an_existing_pool_is_kept(self):
        issuer = "https://issuer.example.com"
        self.assertTrue(data_stack.needs_pool("", {}))
        self.assertFalse(data_stack.needs_pool(issuer, self.TABLES))
        self.assertTrue(data_stack.needs_pool(issuer, {**self.TABLES, "UserPool": "eu-west-1_a"}))

    def test_the_first_deploy_and_a_deploy_after_the_functions_were_deleted_go_on(self):
        self.assertIsNone(self.problem({}, {}))
        self.assertIsNone(self.problem({}, self.TABLES))
        self.assertIsNone(self.problem(self.TABLES, self.TABLES))

    def test_functions_whose_tables_are_in_no_data_stack_are_not_given_new_empty_ones(self):
        self.assertIn("make adopt STAGE=prod", self.problem({"Stage": "prod"}, {}))
        self.assertIn("make adopt STAGE=prod", self.problem(self.TABLES, {}))
        self.assertIn("make adopt STAGE=prod", self.problem({"Stage": "prod"}, self.TABLES))

    def test_other_tables_than_those_in_use_are_refused(self):
        self.assertIn("ControlTable", self.problem(self.TABLES, {**self.TABLES, "ControlTable": "other"}))

    def test_the_data_stack_is_deployed_from_its_own_template_under_its_own_name(self):
        arguments = cli.parser().parse_args(["deploy", "--stage", "prod"])
        with mock.patch.object(deploy, "Stage"), mock.patch.object(deploy.Stack, "read"), mock.patch.object(deploy, "step") as step, \
                mock.patch.object(data_stack, "read", return_value=deployed.Stack({}, self.TABLES)):
            deploy.Stage.return_value.name, deploy.Stage.return_value.stack_name = "prod", "push-prod"
            made = deploy.Deploy(arguments)
            made.before = deployed.Stack({}, {})
            self.assertEqual(made.data(), data_stack.parameters(self.TABLES))
        [command] = step.call_args.args
        self.assertIn(str(ROOT / "infra/data.yaml"), command)
        self.assertEqual(command[command.index("--stack-name") + 1], "push-prod-data")
        self.assertIn('ParameterKey=WithUserPool,ParameterValue="true"', command)
        made.cloudformation.update_termination_protection.assert_called_once_with(
            StackName="push-prod-data", EnableTerminationProtection=True)

    def test_its_outputs_are_not_given_by_hand(self):
        arguments = cli.parser().parse_args(["deploy", "--stage", "prod", "--params", "ControlTable=mine"])
        with mock.patch.object(deploy.Stack, "read"), self.assertRaisesRegex(SystemExit, "ControlTable: given by the data stack"):
            deploy.run(arguments)


class Absent(unittest.TestCase):
    def test_a_stack_that_is_not_there_is_empty_and_other_errors_are_raised(self):
        cloudformation, stub = stubbed("cloudformation")
        stub.add_client_error("describe_stacks", "ValidationError", "Stack with id s does not exist")
        stub.add_client_error("describe_stacks", "AccessDenied", "not authorized")
        with stub:
            self.assertEqual(deployed.Stack.read(cloudformation, "s"), deployed.Stack({}, {}, exists=False))
            with self.assertRaises(Exception):
                deployed.Stack.read(cloudformation, "s")


if __name__ == "__main__":
    unittest.main()
