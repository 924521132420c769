"""`make sms-receipts`: lets the service hear what becomes of SMS. Run it again whenever you like: it changes nothing twice.

    make sms-receipts STAGE=staging

SNS writes a delivery log for each SMS of the account into two log groups, once ops have switched that on. AWS creates a
group only with the first SMS that ends in it, so no template can subscribe to them. This subscribes the stage's track
function to those that are there, says which are not there yet, and what has to be switched on. It switches nothing on
itself: the setting is the account's, in this region, and others may send SMS from it too.
"""

import os
import sys

import boto3

import samconfig

ROLE_POLICY = """\
Delivery logging is off: SNS does not say what becomes of SMS. To switch it on for all SMS of this account and region:

    aws iam create-role --role-name sns-sms-delivery-logs --assume-role-policy-document '{"Version": "2012-10-17",
      "Statement": [{"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sts:AssumeRole"}]}'
    aws iam put-role-policy --role-name sns-sms-delivery-logs --policy-name logs --policy-document '{"Version": "2012-10-17",
      "Statement": [{"Effect": "Allow", "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents",
      "logs:PutMetricFilter", "logs:PutRetentionPolicy"], "Resource": "*"}]}'
    aws sns set-sms-attributes --region REGION --attributes \\
      DeliveryStatusIAMRole=arn:aws:iam::ACCOUNT:role/sns-sms-delivery-logs,DeliveryStatusSuccessSamplingRate=100

Then send an SMS, wait a minute, and run this again."""


SENDER_POLICY = """\
SMS name SENDER as their sender. If you got it after 24 September 2024, SNS may use it only once a resource policy on it says so. In the
console: AWS End User Messaging SMS, Sender IDs, SENDER, Resource policy, the policy for SNS. With the CLI, by its ARN:

    aws pinpoint-sms-voice-v2 describe-sender-ids --region REGION --query "SenderIds[?SenderId=='SENDER'].SenderIdArn"
    aws pinpoint-sms-voice-v2 put-resource-policy --region REGION --resource-arn <ARN> --policy '{"Version": "2012-10-17",
      "Statement": [{"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sms-voice:SendTextMessage",
      "Resource": "<ARN>", "Condition": {"StringEquals": {"aws:SourceAccount": "ACCOUNT"}}}]}'

The default opt-out list (Opt-out lists, Default) has no such policy either: without one opt-in-phone-number fails.
"""


class Account:
    """The SMS of one account and region, and the function that is to hear of them."""

    def __init__(self, clients, outputs, stage, region):
        self.sns, self.logs, lambdas = clients("sns"), clients("logs"), clients("lambda")
        function = lambdas.get_function_configuration(FunctionName=outputs["TrackFunctionName"])
        # arn:aws:lambda:<region>:<account>:function:<name>
        self.function, self.account, self.region = function["FunctionArn"], function["FunctionArn"].split(":")[4], region
        self.filter = f"push-notifications-{stage}"
        sends = lambdas.get_function_configuration(FunctionName=outputs["SendFunctionName"])
        self.sender_id = sends.get("Environment", {}).get("Variables", {}).get("SMS_SENDER_ID", "")

    def groups(self):
        """SNS's two log groups: what arrived, what did not."""
        arrived = f"sns/{self.region}/{self.account}/DirectPublishToPhoneNumber"
        return [arrived, f"{arrived}/Failure"]

    def logging_is_on(self):
        """Says what is missing; whether SNS writes delivery logs at all."""
        told = self.sns.get_sms_attributes()["attributes"]
        if not told.get("DeliveryStatusIAMRole"):
            print(ROLE_POLICY.replace("REGION", self.region).replace("ACCOUNT", self.account))
            return False
        rate = told.get("DeliveryStatusSuccessSamplingRate", "100")
        if rate != "100":
            print(f"SNS logs {rate} % of what arrives: the rest stays `accepted`. For all of it:\n\n"
                  f"    aws sns set-sms-attributes --region {self.region} "
                  "--attributes DeliveryStatusSuccessSamplingRate=100\n")
        return True

    def say_what_the_sender_needs(self):
        """What lets SNS use the stage's sender id, if it has one."""
        if self.sender_id:
            policy = SENDER_POLICY.replace("SENDER", self.sender_id).replace("REGION", self.region)
            print(policy.replace("ACCOUNT", self.account))

    def subscribe(self, group):
        """Subscribes the function to one group; what became of it, and whether the function hears it now."""
        found = self.logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        kept = next((one.get("retentionInDays") for one in found if one["logGroupName"] == group), "none")
        if kept == "none":
            return "not there yet: AWS creates it with the first SMS that ends in it", False
        note = "" if kept else "; it names phone numbers and is kept for ever: aws logs put-retention-policy"
        filters = self.logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
        ours = [one for one in filters if one["filterName"] == self.filter]
        if ours and ours[0]["destinationArn"] == self.function and not ours[0].get("filterPattern"):
            return f"heard already{note}", True
        if not ours and len(filters) >= 2:
            names = ", ".join(one["filterName"] for one in filters)
            return f"has two subscriptions, and AWS allows no third: {names}", False
        self.logs.put_subscription_filter(logGroupName=group, filterName=self.filter, filterPattern="",
                                          destinationArn=self.function)
        return f"heard from now on{note}", True


def run(account):
    """Subscribes to what is there; whether everything is heard."""
    account.say_what_the_sender_needs()
    complete = account.logging_is_on()
    for group in account.groups():
        outcome, is_heard = account.subscribe(group)
        print(f"{group}: {outcome}", flush=True)
        complete = complete and is_heard
    return complete


def main(account):
    sys.exit(0 if run(account) else 1)


def on_aws(stage):
    """The account of a stage, with ordinary AWS credentials."""
    settings = samconfig.deploy_settings(stage)
    session = boto3.Session(region_name=settings["region"])
    stack = session.client("cloudformation").describe_stacks(StackName=settings["stack_name"])["Stacks"][0]
    outputs = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
    return Account(session.client, outputs, stage, settings["region"])


if __name__ == "__main__":
    main(on_aws(os.environ.get("STAGE", "")))
