"""The data stack of a stage: infra/data.yaml, the tables and the user pool, which outlive every deploy of the functions.

It is deployed before the stack of the functions. Each of its outputs is the parameter of the same name of template.yaml.
"""

from notifications_ops import samconfig
from notifications_ops.deployed import Stack, read_template

TEMPLATE = samconfig.ROOT / "infra/data.yaml"
# Outputs with the names of the tables.
TABLES = ("RecipientsTable", "NotificationsTable", "MetricsTable", "SettingsTable", "ControlTable")
# Outputs without which, or with other values of which, the functions would use other tables.
REQUIRED = (*TABLES, "NotificationsStream")


def stack_name(of_functions):
    """Name of the data stack beside a stack of functions."""
    return f"{of_functions}-data"


def template():
    """Template of this working copy."""
    return read_template(TEMPLATE)


def parameter_names():
    """Parameters of template.yaml that the data stack gives."""
    return list(template()["Outputs"])


def parameters(outputs):
    """Parameters of template.yaml from the outputs of the data stack; empty where it has no user pool."""
    return {name: outputs.get(name, "") for name in parameter_names()}


def read(cloudformation, of_functions):
    """The deployed data stack beside a stack of functions."""
    return Stack.read(cloudformation, stack_name(of_functions))


def complaint(functions, data, stage_name):
    """Reason why a deploy would leave the functions without their tables; None if it would not."""
    if not functions.exists:
        return None
    if not data.exists:
        return f"the tables of this stage are in no data stack: make adopt STAGE={stage_name} (docs/deploying.md)"
    for name in REQUIRED:
        used, there = functions.parameters.get(name), data.outputs.get(name)
        if used is None:
            return f"{name} is still in the stack of the functions: make adopt STAGE={stage_name}"
        if there is not None and there != used:
            return f"the functions use {used}, and {name} of the data stack is {there}"
    return None


def values(stage_name, has_pool):
    """Parameters of the data stack itself."""
    return {"Stage": stage_name, "WithUserPool": "true" if has_pool else "false"}


def needs_pool(issuer, outputs):
    """Whether the data stack has a user pool from now on: the stage has no other issuer, or the pool is there already."""
    return not issuer or bool(outputs.get("UserPool"))


def protect(cloudformation, of_functions):
    """Refuses every later deletion of the data stack, which would leave its tables without a stack."""
    cloudformation.update_termination_protection(StackName=stack_name(of_functions), EnableTerminationProtection=True)
