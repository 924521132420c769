"""Brings a whole local stack up: the local AWS, the parameters, the real template, the routes, and stack.json."""

import functools
import json
import time

import boto3

import api
import sam
import server
from settings import REGION, STAGE, say

from notifications_ops import data_stack, parameters, samconfig


def up(place, by_hand=""):
    """Starts the local AWS, deploys the template, and writes stack.json. Whatever fails, nothing is left running."""
    began = time.monotonic()
    place.folder.mkdir(parents=True, exist_ok=True)
    place.stack_file.unlink(missing_ok=True)
    sam.write_template(place)
    server.start(place)
    try:
        say(f"local AWS listens on {place.endpoint}")
        clients = _clients(place)
        parameters.create(clients("ssm"), STAGE)
        sender = samconfig.parameters(STAGE, by_hand)["SenderAddress"]
        clients("ses").verify_email_identity(EmailAddress=sender)  # on AWS its owner answers a mail
        name = samconfig.deploy_settings(STAGE)["stack_name"]
        say(f"sam deploy of stacks {data_stack.stack_name(name)} and {name} ...")
        say(f"deployed in {sam.deploy(place, by_hand, clients('cloudformation')):.0f} s")
        api_id, routes = api.create_routes(clients, name)
        say(f"{routes} routes of the HTTP API")
        described = _describe(place, clients, name, api_id)
        parameters.create_public_base_url(clients("ssm"), STAGE, described["api_url"])
        place.stack_file.write_text(json.dumps(described, indent=2) + "\n")
    except BaseException:
        server.stop(place)
        raise
    say(f"up after {time.monotonic() - began:.0f} s: {place.stack_file}")


def _clients(place):
    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)
    return functools.cache(lambda service: session.client(service, endpoint_url=place.endpoint))


def _describe(place, clients, name, api_id):
    """What a test or a story has to know of the stack (the layout is part of the design)."""
    stack = clients("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    outputs = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
    return {
        "api_url": f"{place.endpoint}/_aws/execute-api/{api_id}/$default",
        "token_url": f"{place.endpoint}/oauth2/token",
        "clients": _token_clients(clients, outputs),
        "region": REGION,
        "endpoint_url": place.endpoint,
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
