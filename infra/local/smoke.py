"""Proves that a local stack answers as API Gateway would: the public route, a refused call, a call with a token."""

import base64
import json
import os
import urllib.error
import urllib.parse
import urllib.request


def token(stack, scope):
    """A client-credentials token of the client for one scope."""
    client = stack["clients"][scope]
    basic = base64.b64encode(f"{client['id']}:{client['secret']}".encode()).decode()
    request = urllib.request.Request(stack["token_url"], headers={"Authorization": f"Basic {basic}"},
                                     data=urllib.parse.urlencode({"grant_type": "client_credentials"}).encode())
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)["access_token"]


def status(stack, path, bearer=None):
    """The HTTP status of a GET."""
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(stack["api_url"] + path, headers=headers), timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def main():
    with open(os.environ["STACK_JSON"]) as file:
        stack = json.load(file)
    checks = {
        "the public key needs no token": (status(stack, "/v1/vapid-public-key"), 200),
        "no token is refused": (status(stack, "/v1/metrics"), 401),
        "a token of another scope is refused": (status(stack, "/v1/metrics", token(stack, "send")), 403),
        "a token of the scope is taken": (status(stack, "/v1/metrics", token(stack, "ops")), 200),
    }
    for name, (found, wanted) in checks.items():
        print(f"  {'ok' if found == wanted else f'FAILED: {found}, not {wanted}'}  {name}", flush=True)
    failed = sum(found != wanted for found, wanted in checks.values())
    print(f"{len(checks) - failed} passed, {failed} failed")
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
