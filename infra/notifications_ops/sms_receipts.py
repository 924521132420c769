"""Subscribes the stage to the delivery logs of SMS. It may be repeated.

    make sms-receipts STAGE=staging

If delivery logging is on, SNS writes a log for each SMS of the account into one of two log groups. AWS creates a group
with the first SMS that is logged in it, so a template cannot subscribe to the groups. This subcommand subscribes the
stage's track function to the existing groups, names the missing ones, and prints the commands that switch logging on. It
does not run those commands: the setting belongs to the account and region, where other applications may send SMS too.
"""

from notifications_ops.stage import open_stage

SUMMARY = "subscribe a stage to the delivery logs of SMS"

ROLE_POLICY = """\
Delivery logging is off: SNS does not report the delivery of SMS. To switch it on for all SMS of this account and region:

    aws iam create-role --role-name sns-sms-delivery-logs --assume-role-policy-document '{"Version": "2012-10-17",
      "Statement": [{"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sts:AssumeRole"}]}'
    aws iam put-role-policy --role-name sns-sms-delivery-logs --policy-name logs --policy-document '{"Version": "2012-10-17",
      "Statement": [{"Effect": "Allow", "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents",
      "logs:PutMetricFilter", "logs:PutRetentionPolicy"], "Resource": "*"}]}'
    aws sns set-sms-attributes --region REGION --attributes \\
      DeliveryStatusIAMRole=arn:aws:iam::ACCOUNT:role/sns-sms-delivery-logs,DeliveryStatusSuccessSamplingRate=100

Then send an SMS, wait a minute, and run this again."""


SENDER_POLICY = """\
SENDER is the sender of SMS. If you obtained it after 24 September 2024, SNS may use it only if its resource policy allows that. In the
console: AWS End User Messaging SMS, Sender IDs, SENDER, Resource policy, the policy for SNS. With the CLI, by its ARN:

    aws pinpoint-sms-voice-v2 describe-sender-ids --region REGION --query "SenderIds[?SenderId=='SENDER'].SenderIdArn"
    aws pinpoint-sms-voice-v2 put-resource-policy --region REGION --resource-arn <ARN> --policy '{"Version": "2012-10-17",
      "Statement": [{"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sms-voice:SendTextMessage",
      "Resource": "<ARN>", "Condition": {"StringEquals": {"aws:SourceAccount": "ACCOUNT"}}}]}'

The default opt-out list (Opt-out lists, Default) needs such a policy as well. Without one, opt-in-phone-number fails.
"""


class Account:
    """SMS logs of one account and region, and the function to subscribe to them."""

    def __init__(self, stage):
        self.is_local, self.region = stage.is_local, stage.region
        self.sns, self.logs, lambdas = (stage.client(name) for name in ("sns", "logs", "lambda"))
        function = lambdas.get_function_configuration(FunctionName=stage.outputs["TrackFunctionName"])
        # arn:aws:lambda:<region>:<account>:function:<name>
        self.function, self.account = function["FunctionArn"], function["FunctionArn"].split(":")[4]
        self.filter = f"push-notifications-{stage.name}"
        sender = lambdas.get_function_configuration(FunctionName=stage.outputs["SendFunctionName"])
        self.sender_id = sender.get("Environment", {}).get("Variables", {}).get("SMS_SENDER_ID", "")

    def groups(self):
        """Names of SNS's two log groups: for delivered SMS and for failed SMS."""
        delivered = f"sns/{self.region}/{self.account}/DirectPublishToPhoneNumber"
        return [delivered, f"{delivered}/Failure"]

    def logging_is_on(self):
        """Returns true if SNS writes delivery logs. Prints the commands for missing settings."""
        if self.is_local:
            # The local SNS writes no delivery logs and has no setting for them. A test writes them into the groups.
            print("the local AWS writes no delivery logs of its own")
            return True
        attributes = self.sns.get_sms_attributes()["attributes"]
        if not attributes.get("DeliveryStatusIAMRole"):
            print(ROLE_POLICY.replace("REGION", self.region).replace("ACCOUNT", self.account))
            return False
        rate = attributes.get("DeliveryStatusSuccessSamplingRate", "100")
        if rate != "100":
            print(f"SNS logs {rate} % of the delivered SMS. The others remain `accepted`. To log all of them:\n\n"
                  f"    aws sns set-sms-attributes --region {self.region} "
                  "--attributes DeliveryStatusSuccessSamplingRate=100\n")
        return True

    def print_sender_policy(self):
        """Prints the resource policy that allows SNS to use the stage's sender id, if there is one."""
        if self.sender_id:
            policy = SENDER_POLICY.replace("SENDER", self.sender_id).replace("REGION", self.region)
            print(policy.replace("ACCOUNT", self.account))

    def subscribe(self, group):
        """Subscribes the function to one group. Returns the outcome as text, and true if the function is subscribed."""
        found = self.logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        kept = next((one.get("retentionInDays") for one in found if one["logGroupName"] == group), "none")
        if kept == "none":
            return "missing: AWS creates it with the first SMS that is logged in it", False
        note = "" if kept else "; it contains phone numbers and is kept forever: set aws logs put-retention-policy"
        filters = self.logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
        ours = [one for one in filters if one["filterName"] == self.filter]
        if ours and ours[0]["destinationArn"] == self.function and not ours[0].get("filterPattern"):
            return f"subscribed already{note}", True
        if not ours and len(filters) >= 2:
            names = ", ".join(one["filterName"] for one in filters)
            return f"has two subscriptions, the maximum of AWS: {names}", False
        self.logs.put_subscription_filter(logGroupName=group, filterName=self.filter, filterPattern="",
                                          destinationArn=self.function)
        return f"subscribed{note}", True


def subscribe_all(account):
    """Subscribes to the existing groups. Returns true if the function receives every delivery log."""
    account.print_sender_policy()
    complete = account.logging_is_on()
    for group in account.groups():
        outcome, is_subscribed = account.subscribe(group)
        print(f"{group}: {outcome}", flush=True)
        complete = complete and is_subscribed
    return complete


def add_arguments(_):
    """Adds nothing: the stage is the only option."""


def run(arguments):
    return 0 if subscribe_all(Account(open_stage(arguments.stage))) else 1
