"""Checks before and after a deploy, for errors that CloudFormation ignores or reports late."""

import dataclasses
import json
import time
import urllib.error
import urllib.request

from notifications_ops import samconfig
from notifications_ops.deployed import read_template

TEMPLATE = samconfig.ROOT / "template.yaml"
RESPONSE_SECONDS = 10
# A new API answers within seconds.
ACCESS_TRIES, ACCESS_WAIT_SECONDS = 6, 5


@dataclasses.dataclass
class Effective:
    """Value of a parameter in the coming deploy, and its origin."""

    value: str
    origin: str


def template():
    """Template of this working copy."""
    return read_template(TEMPLATE)


def defaults():
    """Default of every parameter of the template; None for a parameter without one."""
    declared = template()["Parameters"].items()
    return {name: None if "Default" not in one else str(one["Default"]) for name, one in declared}


def effective(declared, deployed, given):
    """Value of each parameter in the coming deploy: given now, else the deployed one, else the template's default."""
    if unknown := sorted(set(given) - set(declared)):
        raise SystemExit(f"template.yaml has no parameter {', '.join(unknown)}")
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


def issuer_problem(issuer, fetch=None):
    """Reason that API Gateway cannot use this token issuer; None if it can, or if the stack has its own."""
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
        return f"{url} names another issuer; use exactly the value of the claim `iss`, with or without a slash at the end"
    if not str(found.get("jwks_uri", "")).startswith("https://"):
        return f"{url} names no jwks_uri by https"
    return None


def _fetch(url):
    with urllib.request.urlopen(url, timeout=RESPONSE_SECONDS) as response:
        return response.read()


def delete_stale_route_settings(gateway, api_id):
    """Deletes the API stage's settings of routes that are no longer in the template.

    An update of an API stage merges route settings. The re-imported API does not have the route. So API Gateway would
    refuse the update with "Unable to find Route by key". Until the update, the route has the default limits.
    """
    if not api_id:
        return []
    wanted = template()["Resources"]["HttpApi"]["Properties"]["RouteSettings"]
    settings = gateway.get_stage(ApiId=api_id, StageName="$default").get("RouteSettings", {})
    stale = sorted(set(settings) - set(wanted))
    for key in stale:
        gateway.delete_route_settings(ApiId=api_id, StageName="$default", RouteKey=key)
        print(f"deleted the settings of the removed route {key}", flush=True)
    return stale


def protect_tables(dynamodb, names):
    """Switches deletion protection on. In the template, it would prevent a first deploy's rollback from removing tables."""
    for name in names:
        if not dynamodb.describe_table(TableName=name)["Table"].get("DeletionProtectionEnabled"):
            dynamodb.update_table(TableName=name, DeletionProtectionEnabled=True)
            print(f"protected table {name} from deletion", flush=True)


def access_problem(url, status_of=None, wait=time.sleep):
    """Reason that the API is not protected; None if a protected route returns 401 without a token. Missing routes: 404."""
    found = None
    for number in range(ACCESS_TRIES):
        if number:
            wait(ACCESS_WAIT_SECONDS)
        found = (status_of or _status)(f"{url}/v1/metrics")
        if found == 401:
            return None
    if found == 404:
        return "the protected routes are missing, because API Gateway has no authorizer; check JwtIssuer"
    return f"GET /v1/metrics without a token returns {found or 'nothing'}, not 401"


def _status(url):
    try:
        with urllib.request.urlopen(url, timeout=RESPONSE_SECONDS) as response:
            return response.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None
