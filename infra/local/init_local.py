"""`make init` for the local stack: the same parameters as on AWS, in the local AWS that is running."""

import boto3

import server
import settings
import init

if __name__ == "__main__":
    place = settings.Place()
    if not server.is_up(place):
        raise SystemExit("no local stack is up: make up (which calls init), or name a stage: make init STAGE=staging")
    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=settings.REGION)
    init.init(session.client("ssm", endpoint_url=place.endpoint), settings.STAGE)
