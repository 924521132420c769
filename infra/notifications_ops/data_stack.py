"""Data stack of a stage: infra/data.yaml, with the tables and the user pool. It outlives every deploy of the functions.

It is deployed before the functions' stack. Each output of it is the parameter of the same name in template.yaml.
"""

from notifications_ops import samconfig
from notifications_ops.deployed import Stack, read_template

TEMPLATE = samconfig.ROOT / "infra/data.yaml"
# Outputs with the names of the tables.
TABLES = ("RecipientsTable", "NotificationsTable", "MetricsTable", "SettingsTable", "ControlTable")
# Outputs that select the functions' tables.
REQUIRED = (*TABLES, "NotificationsStream")


def stack_name(of_functions):
    """Name of the data stack that belongs to a functions' stack."""
    return f"{of_functions}-data"


def template():
    """Template of this working copy."""
    return read_template(TEMPLATE)


def parameter_names():
    """Parameters of template.yaml whose values are outputs of the data stack."""
    return list(template()["Outputs"])


def parameters(outputs):
    """Parameters of template.yaml from the data stack's outputs; those of the user pool are empty if there is none."""
    return {name: outputs.get(name, "") for name in parameter_names()}


def read(cloudformation, of_functions):
    """Returns the deployed data stack that belongs to a functions' stack."""
    return Stack.read(cloudformation, stack_name(of_functions))


def find_problem(functions, data, stage_name):
    """Reason that a deploy would separate the functions from their tables; None if it would not."""
    if not functions.exists:
        return None
    if not data.exists:
        return f"the stage's tables are not in a data stack: make adopt STAGE={stage_name} (docs/deploying.md)"
    for name in REQUIRED:
        used, there = functions.parameters.get(name), data.outputs.get(name)
        if used is None:
            return f"{name} is still in the functions' stack: make adopt STAGE={stage_name}"
        if there is not None and there != used:
            return f"the functions use {used}, but {name} of the data stack is {there}"
    return None


def values(stage_name, has_pool):
    """Parameters of the data stack."""
    return {"Stage": stage_name, "WithUserPool": "true" if has_pool else "false"}


def needs_pool(issuer, outputs):
    """Returns true if the data stack gets or keeps a user pool: there is no other issuer, or the pool exists already."""
    return not issuer or bool(outputs.get("UserPool"))


def protect(cloudformation, of_functions):
    """Switches termination protection on, because a deletion would leave the tables without a stack."""
    cloudformation.update_termination_protection(StackName=stack_name(of_functions), EnableTerminationProtection=True)
