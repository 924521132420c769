"""Checks before and after a deploy, for what CloudFormation would accept silently or fail at late."""

import dataclasses
import json
import time
import urllib.error
import urllib.request

from notifications_ops import samconfig
from notifications_ops.deployed import read_template

TEMPLATE = samconfig.ROOT / "template.yaml"
ANSWER_SECONDS = 10
# A new API answers within seconds.
ACCESS_TRIES, ACCESS_WAIT_SECONDS = 6, 5


@dataclasses.dataclass
class Effective:
    """Value of a parameter in the coming deploy, and where it comes from."""

    value: str
    origin: str


def template():
    """The template of this working copy."""
    return read_template(TEMPLATE)


def defaults():
    """Default of every parameter of the template; None for a parameter without one."""
    declared = template()["Parameters"].items()
    return {name: None if "Default" not in one else str(one["Default"]) for name, one in declared}


def effective(declared, deployed, given):
    """Value of each parameter in the coming deploy: given now, else kept from the last one, else the template's default."""
    if strange := sorted(set(given) - set(declared)):
        raise SystemExit(f"template.yaml has no parameter {', '.join(strange)}")
    found = {}
    for name, default in declared.items():
        if name in given:
            found[name] = Effective(given[name], "given")
        elif name in deployed:
            is_old = default is not None and deployed[name] != default
            found[name] = Effective(deployed[name], f"kept; the template's default is '{default}'" if is_old else "kept")
        elif default is not None:
            found[name] = Effective(default, "default")
        else:
            raise SystemExit(f"{name} has no default: the first deploy of a stage needs PARAMS=\"{name}=...\"")
    return found


def show(parameters):
    """Prints a line for each parameter."""
    width = max(map(len, parameters))
    for name, one in parameters.items():
        print(f"  {name:<{width}}  {one.value or '(empty)'}  ({one.origin})", flush=True)


def issuer_complaint(issuer, fetch=None):
    """Reason why API Gateway cannot use this issuer of tokens; None if it can, or if the stack has its own."""
    if not issuer:
        return None
    if not issuer.startswith("https://"):
        return "API Gateway accepts an issuer by https only"
    url = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
    try:
        found = json.loads((fetch or _fetch)(url))
    except (OSError, ValueError) as error:
        return f"{url} does not return a discovery document ({error})"
    if not isinstance(found, dict) or found.get("issuer") != issuer:
        return f"{url} names another issuer; give it exactly as the claim `iss` has it, with or without a slash at the end"
    if not str(found.get("jwks_uri", "")).startswith("https://"):
        return f"{url} names no jwks_uri by https"
    return None


def _fetch(url):
    with urllib.request.urlopen(url, timeout=ANSWER_SECONDS) as answer:
        return answer.read()


def drop_strayed_route_settings(gateway, api_id):
    """Deletes the stage's settings of routes that the template no longer has.

    An update of a stage merges route settings, and the re-imported API has no such route any more, so API Gateway would
    refuse the update with "Unable to find Route by key". Until then the route has the default limits.
    """
    if not api_id:
        return []
    wanted = template()["Resources"]["HttpApi"]["Properties"]["RouteSettings"]
    settings = gateway.get_stage(ApiId=api_id, StageName="$default").get("RouteSettings", {})
    strayed = sorted(set(settings) - set(wanted))
    for key in strayed:
        gateway.delete_route_settings(ApiId=api_id, StageName="$default", RouteKey=key)
        print(f"the settings of the removed route {key} are deleted", flush=True)
    return strayed


def protect_tables(dynamodb, names):
    """Switches deletion protection on. In the template it would keep the rollback of a first deploy from removing the tables."""
    for name in names:
        if not dynamodb.describe_table(TableName=name)["Table"].get("DeletionProtectionEnabled"):
            dynamodb.update_table(TableName=name, DeletionProtectionEnabled=True)
            print(f"table {name} is protected from deletion", flush=True)


def access_complaint(url, status_of=None, wait=time.sleep):
    """Reason why the API is not protected; None if a protected route answers 401 without a token. A missing route answers 404."""
    found = None
    for number in range(ACCESS_TRIES):
        if number:
            wait(ACCESS_WAIT_SECONDS)
        found = (status_of or _status)(f"{url}/v1/metrics")
        if found == 401:
            return None
    if found == 404:
        return "the protected routes are missing: API Gateway made no authorizer. Is JwtIssuer right?"
    return f"GET /v1/metrics without a token answers {found or 'nothing'}, not 401"


def _status(url):
    try:
        with urllib.request.urlopen(url, timeout=ANSWER_SECONDS) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None
