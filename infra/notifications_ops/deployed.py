"""Deployed stacks, read from CloudFormation, and template files."""

import dataclasses

from botocore.exceptions import ClientError
from samtranslator.yaml_helper import yaml_parse


@dataclasses.dataclass
class Stack:
    """Parameters and outputs of a deployed stack; both empty if it does not exist."""

    parameters: dict
    outputs: dict
    exists: bool = True

    @classmethod
    def read(cls, cloudformation, name):
        try:
            stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in str(error):
                return cls({}, {}, exists=False)
            raise
        # A change set that was never executed leaves a stack without resources.
        if stack["StackStatus"] == "REVIEW_IN_PROGRESS":
            return cls({}, {}, exists=False)
        return cls({one["ParameterKey"]: one["ParameterValue"] for one in stack.get("Parameters", [])},
                   {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])})


def read_template(path):
    """Parses a template file; `!Ref X` becomes {"Ref": "X"}."""
    return yaml_parse(path.read_text())


def processed_template(cloudformation, stack_name):
    """Returns the parsed template of a deployed stack, after its transforms."""
    body = cloudformation.get_template(StackName=stack_name, TemplateStage="Processed")["TemplateBody"]
    return yaml_parse(body) if isinstance(body, str) else body
