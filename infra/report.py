"""`make report`: writes the review of a week, as Markdown and as JSON, into target/report.

It calls the function behind GET /v1/report itself, so it needs AWS credentials that may invoke it and no token. FROM and
TO are times in UTC such as 2026-11-16T00:00:00Z; without them it is the last 7 days.
"""

import json
import os
import pathlib

import boto3

import samconfig

FOLDER = samconfig.ROOT / "target/report"


def event(query):
    """GET /v1/report as API Gateway would hand it to the function."""
    return {"version": "2.0", "routeKey": "GET /v1/report", "headers": {}, "queryStringParameters": query,
            "requestContext": {"requestId": "make-report", "http": {"method": "GET", "path": "/v1/report"}}}


def ask(functions, name, query):
    """The answer's body, or an exit with the problem's own words."""
    called = functions.invoke(FunctionName=name, Payload=json.dumps(event(query)).encode())
    answer = json.loads(called["Payload"].read())
    if "FunctionError" in called:
        raise SystemExit(f"{name} failed: {answer.get('errorMessage')}")
    if answer["statusCode"] != 200:
        raise SystemExit(f"{answer['statusCode']}: {json.loads(answer['body'])['detail']}")
    return answer["body"]


def write(functions, name, stage, query):
    """Both files, named by stage and window, and the Markdown on the screen."""
    report = json.loads(ask(functions, name, query))
    # The same window for both, though a minute may begin between the two calls.
    window = {"from": report["window"]["from"], "to": min(report["window"]["to"], report["written_at"])}
    markdown = ask(functions, name, {**window, "format": "markdown"})
    FOLDER.mkdir(parents=True, exist_ok=True)
    days = "-to-".join(report["window"][end][:10] for end in ("from", "to"))
    path = FOLDER / f"{stage}-{days}"
    pathlib.Path(f"{path}.json").write_text(json.dumps(report, indent=2) + "\n")
    pathlib.Path(f"{path}.md").write_text(markdown)
    print(markdown)
    print(f"written: {path.relative_to(samconfig.ROOT)}.md and .json")


def asked():
    """The window that FROM and TO name."""
    return {name.lower(): os.environ[name] for name in ("FROM", "TO") if os.environ.get(name)}


def main():
    stage = os.environ.get("STAGE", "")
    settings = samconfig.deploy_settings(stage)
    session = boto3.Session(region_name=settings["region"])
    stack = session.client("cloudformation").describe_stacks(StackName=settings["stack_name"])["Stacks"][0]
    outputs = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
    write(session.client("lambda"), outputs["ConsoleFunctionName"], stage, asked())


if __name__ == "__main__":
    main()
