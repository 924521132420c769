"""Starts a complete local stack: the local AWS, the parameters, the real templates, the routes, and stack.json."""

import functools
import json
import time

import boto3

import api
import console_login
import sam
import server
from settings import REGION, STAGE, print_progress

from notifications_ops import data_stack, parameters, samconfig


def up(local_stack, by_hand=""):
    """Starts the local AWS, deploys the templates, and writes stack.json. After an error, nothing is left running."""
    began = time.monotonic()
    local_stack.folder.mkdir(parents=True, exist_ok=True)
    local_stack.stack_file.unlink(missing_ok=True)
    sam.write_template(local_stack)
    server.start(local_stack)
    try:
        print_progress(f"local AWS listens on {local_stack.endpoint}")
        clients = _clients(local_stack)
        parameters.create(clients("ssm"), STAGE)
        sender = samconfig.parameters(STAGE, by_hand)["SenderAddress"]
        clients("ses").verify_email_identity(EmailAddress=sender)  # on AWS, its owner confirms a mail
        name = samconfig.deploy_settings(STAGE)["stack_name"]
        print_progress(f"sam deploy of stacks {data_stack.stack_name(name)} and {name} ...")
        print_progress(f"deployed in {sam.deploy(local_stack, by_hand, clients('cloudformation')):.0f} s")
        _set_worker_concurrency(clients)
        api_id, routes = api.create_routes(clients, name)
        print_progress(f"{routes} routes of the HTTP API")
        described = _describe(local_stack, clients, name, api_id)
        parameters.create_public_base_url(clients("ssm"), STAGE, described["api_url"])
        described["console"] = console_login.create(
            clients, f"/push-notifications/{STAGE}", described["outputs"], described["api_url"])
        local_stack.stack_file.write_text(json.dumps(described, indent=2) + "\n")
    except BaseException:
        server.stop(local_stack)
        raise
    print_progress(f"up after {time.monotonic() - began:.0f} s: {local_stack.stack_file}")


def _clients(local_stack):
    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)
    return functools.cache(lambda service: session.client(service, endpoint_url=local_stack.endpoint))


def _set_worker_concurrency(clients):
    """Sets the maximum concurrency of each queue's mapping as a number: ministack's CloudFormation passes parameters as
    texts, and its poller then fails."""
    for mapping in clients("lambda").list_event_source_mappings()["EventSourceMappings"]:
        if most := mapping.get("ScalingConfig", {}).get("MaximumConcurrency"):
            clients("lambda").update_event_source_mapping(
                UUID=mapping["UUID"], ScalingConfig={"MaximumConcurrency": int(most)})


def _describe(local_stack, clients, name, api_id):
    """Content of stack.json, the description of the stack for tests and tools."""
    stack = clients("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    outputs = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
    return {
        "api_url": f"{local_stack.endpoint}/_aws/execute-api/{api_id}/$default",
        "token_url": f"{local_stack.endpoint}/oauth2/token",
        "clients": _token_clients(clients, outputs),
        "region": REGION,
        "endpoint_url": local_stack.endpoint,
        "stack_name": name,
        "outputs": outputs,
        "vapid_public_key": clients("ssm").get_parameter(
            Name=f"/push-notifications/{STAGE}/vapid-public-key")["Parameter"]["Value"],
    }


def _token_clients(clients, outputs):
    found = {}
    for scope in ("send", "recipients", "ops"):
        client_id = outputs.get(f"{scope.capitalize()}ClientId")
        if client_id:
            client = clients("cognito-idp").describe_user_pool_client(
                UserPoolId=outputs["UserPoolId"], ClientId=client_id)["UserPoolClient"]
            found[scope] = {"id": client_id, "secret": client["ClientSecret"]}
    return found
