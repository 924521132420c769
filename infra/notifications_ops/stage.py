"""Stage of the service on real AWS or on this machine: its stack, its AWS clients and its callers' credentials."""

import functools
import json
import os
import pathlib
import urllib.request

import boto3

from notifications_ops import samconfig
from notifications_ops.caller import SCOPES, Caller

LOCAL = "local"


class Stage:
    """Stage on real AWS. `credentials` and `endpoint_url` are for the local stage."""

    is_local = False

    def __init__(self, name, region=None, endpoint_url=None, **credentials):
        self.name, self.endpoint_url = name, endpoint_url
        settings = samconfig.deploy_settings(name)
        self.region, self.stack_name = region or settings["region"], settings["stack_name"]
        self._session = boto3.Session(region_name=self.region, **credentials)

    def client(self, service):
        """Client of an AWS service in the stage's region."""
        return self._session.client(service, endpoint_url=self.endpoint_url)

    @functools.cached_property
    def outputs(self):
        """Outputs of the deployed stack, by name."""
        described = self.client("cloudformation").describe_stacks(StackName=self.stack_name)
        return {one["OutputKey"]: one["OutputValue"] for one in described["Stacks"][0]["Outputs"]}

    @property
    def api_url(self):
        """Address of the API."""
        return self.outputs["ApiUrl"]

    @property
    def token_url(self):
        """Address that issues tokens; None if the stage has an external issuer."""
        return self.outputs.get("TokenUrl")

    def opener(self):
        """Opener of the HTTP requests to the stage."""
        return urllib.request.build_opener()

    def caller(self):
        """Caller of the API with the ids and secrets of the stage's clients, read from Cognito."""
        pool, clients = self.outputs.get("UserPoolId"), {}
        for scope in SCOPES if pool else ():
            client_id = self.outputs[f"{scope.capitalize()}ClientId"]
            described = self.client("cognito-idp").describe_user_pool_client(UserPoolId=pool, ClientId=client_id)
            clients[scope] = {"id": client_id, "secret": described["UserPoolClient"]["ClientSecret"]}
        return Caller(self.api_url, self.token_url, clients, self.opener())

    def rollout_percentage(self):
        """Text of the parameter `rollout-percentage`."""
        name = self.outputs["RolloutPercentageParameter"]
        return self.client("ssm").get_parameter(Name=name)["Parameter"]["Value"]


class LocalStage(Stage):
    """Stage of a running local stack, read from its stack.json."""

    is_local = True

    def __init__(self, described):
        super().__init__(LOCAL, described["region"], described["endpoint_url"],
                         aws_access_key_id="test", aws_secret_access_key="test")
        self.described = described

    @property
    def api_url(self):
        return self.described["api_url"]

    @property
    def token_url(self):
        return self.described["token_url"]

    def opener(self):
        # A proxy of the environment cannot reach this machine.
        return urllib.request.build_opener(urllib.request.ProxyHandler({}))


def open_stage(name):
    """Returns the stage of a name. Exits with the existing stages if there is none."""
    return _running_local_stage() if name == LOCAL else Stage(name)


def _running_local_stage():
    place = pathlib.Path(os.environ.get("STACK_JSON") or default_stack_file())
    if not place.exists():
        raise SystemExit("no local stack is running; start one with `make up`, or name a stage with STAGE=staging")
    return LocalStage(json.loads(place.read_text()))


def default_stack_file():
    """Path of the stack.json that `make up` writes. LOCAL_PORT selects another stack than the default one."""
    from local.settings import LocalStack  # not at the top: a deploy does not need it
    return LocalStack().stack_file
