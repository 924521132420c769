"""`make adopt` against a local AWS: the tables of an old stack of functions move to the data stack."""

import contextlib
import io
import pathlib
import shutil
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "infra"), str(ROOT / "infra/local")]

import server  # noqa: E402
from notifications_ops import adopt, data_stack  # noqa: E402
from notifications_ops.deployed import Stack  # noqa: E402
from notifications_ops.stage import Stage  # noqa: E402
from settings import REGION, LocalStack  # noqa: E402
from with_stack import free_port  # noqa: E402

QUEUE = "  Queue:\n    Type: AWS::SQS::Queue\n"
BEFORE, _, OUTPUTS = data_stack.TEMPLATE.read_text().partition("\nOutputs:\n")
# The stack of the functions before, with the tables among its own resources, and after, with their names as parameters.
OLD = f"{BEFORE}\n{QUEUE}"
NEW = "Parameters:\n" + "".join(f"  {name}: {{Type: String}}\n" for name in data_stack.parameter_names()) + \
    f"Resources:\n{QUEUE}"


class Adopt(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.place = LocalStack(free_port())
        cls.place.folder.mkdir(parents=True, exist_ok=True)
        cls.addClassCleanup(shutil.rmtree, cls.place.folder, ignore_errors=True)
        server.start(cls.place)
        cls.addClassCleanup(server.stop, cls.place)

    def setUp(self):
        self.stage = Stage("staging", REGION, self.place.endpoint, aws_access_key_id="test", aws_secret_access_key="test")
        self.stage.stack_name = f"test-{self._testMethodName}".replace("_", "-")[:60]
        self.cloudformation, self.dynamodb = self.stage.client("cloudformation"), self.stage.client("dynamodb")
        self.deploys = []

    def create_functions(self, template=OLD, has_pool=True):
        values = data_stack.values("staging", has_pool).items()
        parameters = [{"ParameterKey": name, "ParameterValue": value} for name, value in values]
        self.cloudformation.create_stack(StackName=self.stage.stack_name, TemplateBody=template, Parameters=parameters)
        self.cloudformation.get_waiter("stack_create_complete").wait(StackName=self.stage.stack_name, WaiterConfig={"Delay": 1})

    def deploy_functions(self, found):
        self.deploys.append(found)
        parameters = [{"ParameterKey": name, "ParameterValue": value} for name, value in found.items()]
        self.update(self.stage.stack_name, NEW, parameters)

    def deploy_data(self):
        self.update(data_stack.stack_name(self.stage.stack_name), data_stack.TEMPLATE.read_text(), [
            {"ParameterKey": "Stage", "UsePreviousValue": True}, {"ParameterKey": "WithUserPool", "UsePreviousValue": True}])

    def update(self, name, template, parameters):
        self.cloudformation.update_stack(StackName=name, TemplateBody=template, Parameters=parameters)
        self.cloudformation.get_waiter("stack_update_complete").wait(StackName=name, WaiterConfig={"Delay": 1})

    def adopt(self, given=(), has_pool=True):
        with contextlib.redirect_stdout(io.StringIO()):
            adopt.adopt(self.stage, dict(given), has_pool, self.deploy_functions)

    def ids(self, stack):
        return adopt.resource_ids(self.cloudformation, stack)

    def problem(self):
        functions = Stack.read(self.cloudformation, self.stage.stack_name)
        return data_stack.find_problem(functions, data_stack.read(self.cloudformation, self.stage.stack_name), "staging")

    def test_tables_and_pool_move_and_keep_names_and_items(self):
        self.create_functions()
        held = adopt.resources_in_functions_stack(self.cloudformation, self.stage.stack_name)
        self.assertEqual(set(held), set(data_stack.template()["Resources"]))
        item = {"pk": {"S": "recipient"}, "sk": {"S": "profile"}}
        self.dynamodb.put_item(TableName=held["RecipientsTable"], Item=item)
        self.assertIn("make adopt", self.problem())

        self.adopt()
        self.assertEqual(set(self.ids(self.stage.stack_name)), {"Queue"})
        of_data = self.ids(data_stack.stack_name(self.stage.stack_name))
        kept = [name for name in held if name != "ResourceServer"]
        self.assertEqual({name: of_data[name] for name in kept}, {name: held[name] for name in kept})
        self.assertIn("ResourceServer", of_data)
        self.assertEqual(self.dynamodb.get_item(TableName=held["RecipientsTable"], Key=item)["Item"], item)

        self.deploy_data()
        outputs = data_stack.read(self.cloudformation, self.stage.stack_name).outputs
        self.assertEqual(data_stack.parameters(outputs), self.deploys[0])
        self.assertIsNone(self.problem())

        self.adopt()
        self.assertEqual(len(self.deploys), 1, "nothing is left to adopt")

    def test_an_interrupted_run_is_resumed(self):
        self.create_functions()
        found = adopt.names_of(self.stage, adopt.resources_in_functions_stack(self.cloudformation, self.stage.stack_name), has_pool=True)
        self.deploy_functions(found)
        self.assertIn("make adopt", self.problem(), "the tables belong to no stack now")
        self.adopt()
        self.assertEqual(len(self.deploys), 1)
        self.assertEqual(self.ids(data_stack.stack_name(self.stage.stack_name))["ControlTable"], found["ControlTable"])

    def test_tables_outside_any_stack_are_adopted_by_name(self):
        self.create_functions(has_pool=False)
        held = adopt.resources_in_functions_stack(self.cloudformation, self.stage.stack_name)
        self.cloudformation.delete_stack(StackName=self.stage.stack_name)
        self.cloudformation.get_waiter("stack_delete_complete").wait(StackName=self.stage.stack_name, WaiterConfig={"Delay": 1})
        with self.assertRaisesRegex(SystemExit, "RecipientsTable=..."):
            self.adopt(has_pool=False)
        self.adopt(held, has_pool=False)
        self.assertEqual(self.ids(data_stack.stack_name(self.stage.stack_name)), held)
        self.assertEqual(self.deploys, [])

    def test_tables_that_would_be_deleted_are_refused(self):
        self.create_functions(OLD.replace("    DeletionPolicy: RetainExceptOnCreate\n", "", 1))
        with self.assertRaisesRegex(SystemExit, "RecipientsTable .* has no DeletionPolicy"):
            self.adopt()
        self.assertEqual(self.deploys, [])


class Parameters(unittest.TestCase):
    def test_names_of_tables_are_not_passed_to_the_deploy_twice(self):
        given, rest = adopt.split_parameters("ControlTable=c SenderName='Example Ltd' UserPool=eu-west-1_a")
        self.assertEqual((given, rest), ({"ControlTable": "c", "UserPool": "eu-west-1_a"}, "'SenderName=Example Ltd'"))


if __name__ == "__main__":
    unittest.main()
