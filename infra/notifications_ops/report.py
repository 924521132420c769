"""Writes the weekly report, as Markdown and as JSON, into target/report.

    make report STAGE=prod                                                               the last 7 days
    make report STAGE=prod FROM=2026-11-16T00:00:00Z TO=2026-11-23T00:00:00Z             another window

It invokes the function behind GET /v1/report directly. So it needs AWS credentials that may invoke it, and no token.
"""

import json
import pathlib

from notifications_ops import samconfig
from notifications_ops.stage import open_stage

SUMMARY = "write the weekly report into target/report"
FOLDER = samconfig.ROOT / "target/report"


def event(query):
    """Event of GET /v1/report in the form that API Gateway passes to the function."""
    return {"version": "2.0", "routeKey": "GET /v1/report", "headers": {}, "queryStringParameters": query,
            "requestContext": {"requestId": "make-report", "http": {"method": "GET", "path": "/v1/report"}}}


def fetch_report(functions, name, query):
    """Returns the body of the response. Exits with the problem's detail if the status is not 200."""
    called = functions.invoke(FunctionName=name, Payload=json.dumps(event(query)).encode())
    response = json.loads(called["Payload"].read())
    if "FunctionError" in called:
        raise SystemExit(f"{name} failed: {response.get('errorMessage')}")
    if response["statusCode"] != 200:
        raise SystemExit(f"{response['statusCode']}: {json.loads(response['body'])['detail']}")
    return response["body"]


def write(functions, name, stage, query):
    """Writes both files, named after stage and window, and prints the Markdown."""
    report = json.loads(fetch_report(functions, name, query))
    # Both calls use the same window, even if a new minute begins between them.
    window = {"from": report["window"]["from"], "to": min(report["window"]["to"], report["written_at"])}
    markdown = fetch_report(functions, name, {**window, "format": "markdown"})
    FOLDER.mkdir(parents=True, exist_ok=True)
    days = "-to-".join(report["window"][end][:10] for end in ("from", "to"))
    path = FOLDER / f"{stage}-{days}"
    pathlib.Path(f"{path}.json").write_text(json.dumps(report, indent=2) + "\n")
    pathlib.Path(f"{path}.md").write_text(markdown)
    print(markdown)
    print(f"written: {path.relative_to(samconfig.ROOT)}.md and .json")


def add_arguments(parser):
    parser.add_argument("--from", default="", metavar="TIME", help="start in UTC, such as 2026-11-16T00:00:00Z")
    parser.add_argument("--to", default="", metavar="TIME", help="end in UTC")


def run(arguments):
    stage = open_stage(arguments.stage)
    window = {end: vars(arguments)[end] for end in ("from", "to") if vars(arguments)[end]}
    write(stage.client("lambda"), stage.outputs["ConsoleFunctionName"], stage.name, window)
