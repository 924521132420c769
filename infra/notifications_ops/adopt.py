"""Imports existing tables and the user pool into the data stack of a stage. No item is copied; no function is stopped.

    make adopt STAGE=prod                                                   from the stack of the functions
    make adopt STAGE=prod PARAMS="RecipientsTable=... ControlTable=..."     by name, if no stack has them

A functions' stack that is older than infra/data.yaml contains the tables itself. It is deployed first, with the tables'
names as parameters. The tables leave that stack and are retained, and the functions continue to use them. CloudFormation
then imports the tables into the data stack. Every step may be repeated.
"""

import json
import shlex
import time

from notifications_ops import data_stack
from notifications_ops.deploy import Deploy
from notifications_ops.deploy import add_arguments as add_deploy_arguments
from notifications_ops.deployed import Stack, processed_template

SUMMARY = "import existing tables and the user pool into the data stack"
# Identifier of the resource server in infra/data.yaml.
RESOURCE_SERVER = "notifications"
RETAINED = ("Retain", "RetainExceptOnCreate")


def add_arguments(parser):
    add_deploy_arguments(parser)


def run(arguments):
    given, arguments.params = split_parameters(arguments.params)
    deploy = Deploy(arguments)

    def deploy_functions(found):
        deploy.check()
        deploy.build()
        deploy.functions(found)

    has_pool = data_stack.needs_pool(deploy.issuer, given)
    adopt(deploy.stage, given, has_pool, deploy_functions)
    deploy.data(has_pool)
    print(f"adopted; deploy with: make deploy STAGE={deploy.stage.name}")
    return 0


def split_parameters(text):
    """Splits PARAMS into names of the data stack's resources, as a dict, and the other parameters, as text."""
    pairs, names = shlex.split(text), data_stack.parameter_names()
    ours = [pair for pair in pairs if pair.partition("=")[0] in names]
    return dict(pair.split("=", 1) for pair in ours), shlex.join(pair for pair in pairs if pair not in ours)


def adopt(stage, given, has_pool, deploy_functions):
    """Imports the existing resources into the data stack, without outputs. `deploy_functions` receives their names."""
    cloudformation = stage.client("cloudformation")
    functions = Stack.read(cloudformation, stage.stack_name)
    held = resources_in_functions_stack(cloudformation, stage.stack_name)
    found = names_of(stage, {**functions.parameters, **held, **given}, has_pool)
    if held:
        require_retention(cloudformation, stage.stack_name, held)
        deploy_functions(found)
    owned = resource_ids(cloudformation, data_stack.stack_name(stage.stack_name))
    if resources := resources_to_import(found, owned):
        import_into_data_stack(cloudformation, stage, import_template(resources, owned), resources, has_pool)


def resource_ids(cloudformation, stack_name):
    """Physical ids of a stack's resources by logical id; empty if the stack does not exist."""
    if not Stack.read(cloudformation, stack_name).exists:
        return {}
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack_name)
    resources = [one for page in pages for one in page["StackResourceSummaries"]]
    return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in resources
            if one["ResourceStatus"] != "DELETE_COMPLETE"}


def resources_in_functions_stack(cloudformation, stack_name):
    """Resources of infra/data.yaml that are still in the functions' stack."""
    wanted = data_stack.template()["Resources"]
    return {name: found for name, found in resource_ids(cloudformation, stack_name).items() if name in wanted}


def names_of(stage, known, has_pool):
    """Returns all parameters of the data stack, the stream's from its table. Exits with the names of missing ones."""
    found = {name: known.get(name, "") for name in data_stack.parameter_names()}
    if found["NotificationsTable"]:
        table = stage.client("dynamodb").describe_table(TableName=found["NotificationsTable"])["Table"]
        found["NotificationsStream"] = table["LatestStreamArn"]
    if not has_pool:
        found |= {name: "" for name in found if name not in data_stack.REQUIRED}
    needed = [name for name in found if has_pool or name in data_stack.REQUIRED]
    if missing := [name for name in needed if not found[name] and name != "NotificationsStream"]:
        raise SystemExit(f"name the resources to adopt: PARAMS=\"{' '.join(f'{name}=...' for name in missing)}\"")
    return found


def require_retention(cloudformation, stack_name, names):
    """Exits if the deployed template would delete a resource when the resource is removed from the template."""
    resources = processed_template(cloudformation, stack_name)["Resources"]
    for name in names:
        if resources[name].get("DeletionPolicy") not in RETAINED:
            raise SystemExit(f"{name} of {stack_name} has no DeletionPolicy that retains it: first deploy a release with one")


def resources_to_import(found, owned):
    """ResourcesToImport: the resources that are not in the data stack yet."""
    pool = found["UserPool"]
    identifiers = {name: {"TableName": found[name]} for name in found if name.endswith("Table")}
    if pool:
        identifiers["UserPool"] = {"UserPoolId": pool}
        identifiers["ResourceServer"] = {"UserPoolId": pool, "Identifier": RESOURCE_SERVER}
        identifiers |= {name: {"UserPoolId": pool, "ClientId": found[name]} for name in found if name.endswith("Client")}
    resources = data_stack.template()["Resources"]
    return [{"LogicalResourceId": name, "ResourceType": resources[name]["Type"], "ResourceIdentifier": identifier}
            for name, identifier in identifiers.items() if name not in owned]


def import_template(resources, owned):
    """Template of an import, as JSON: the data stack's, with only the present and the imported resources."""
    template = data_stack.template()
    kept = {one["LogicalResourceId"] for one in resources} | set(owned)
    template["Resources"] = {name: resource for name, resource in template["Resources"].items() if name in kept}
    if not owned:
        # An import must not add outputs. The next deploy of the data stack adds them.
        del template["Outputs"]
    return json.dumps(template)


def import_into_data_stack(cloudformation, stage, template, resources, has_pool):
    """Imports the resources with a change set, and waits until they are in the data stack."""
    name, change_set = data_stack.stack_name(stage.stack_name), f"adopt-{time.time():.0f}"
    values = data_stack.values(stage.name, has_pool).items()
    parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in values]
    print(f"importing {', '.join(one['LogicalResourceId'] for one in resources)} into {name}", flush=True)
    cloudformation.create_change_set(StackName=name, ChangeSetName=change_set, ChangeSetType="IMPORT", TemplateBody=template,
                                     ResourcesToImport=resources, Parameters=parameters)
    cloudformation.get_waiter("change_set_create_complete").wait(StackName=name, ChangeSetName=change_set)
    cloudformation.execute_change_set(StackName=name, ChangeSetName=change_set)
    cloudformation.get_waiter("stack_import_complete").wait(StackName=name)
