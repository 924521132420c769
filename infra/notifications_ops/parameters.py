"""Creates the SSM parameters of one stage, and never overwrites one.

They are not resources of the stack, because operators change some of them by hand, and a deploy would revert the change.
The secrets must outlive every stack: without recipient-hash-key, every stored address is lost.

    make init STAGE=staging
"""

import base64
import secrets

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from notifications_ops.stage import open_stage

SUMMARY = "create the SSM parameters and keys of a stage, once"

# The format that functions/lib/domain/src/rollout/percentage.rs parses. "05" is refused: it may be a mistyped "0.5".
PERCENTAGE = r"^(100(\.0{1,2})?|(0|[1-9][0-9]?)(\.[0-9]{1,2})?)$"
JSON_ARRAY = r"^\s*\[[\s\S]*\]\s*$"
JSON_OBJECT = r"^\s*\{[\s\S]*\}\s*$"

# Parameters that only the operator can create: further destinations of alerts.
OPTIONAL = {
    "slack-webhook-url": "an incoming webhook of Slack",
    "pagerduty-routing-key": "an integration key of PagerDuty's Events API v2",
    "pagerduty-url": "address of the Events API for an account in the EU region",
    "sentry-dsn": "the DSN of a Sentry project",
}


def base64url(data):
    """Encodes without padding, the form of VAPID keys."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def put_once(ssm, name, value, **extra):
    """Creates a parameter unless it exists. SSM decides, so concurrent runs do not overwrite each other's value."""
    try:
        ssm.put_parameter(Name=name, Value=value, Overwrite=False, **extra)
    except ssm.exceptions.ParameterAlreadyExists:
        print(f"  kept     {name}")
        return False
    print(f"  created  {name}")
    return True


def vapid_public_key(private_key):
    """Uncompressed point (65 bytes) of a base64url private scalar."""
    scalar = int.from_bytes(base64.urlsafe_b64decode(private_key + "=" * (-len(private_key) % 4)), "big")
    point = ec.derive_private_key(scalar, ec.SECP256R1()).public_key()
    return base64url(point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


def new_vapid_private_key():
    """New P-256 scalar: 32 raw bytes in base64url."""
    scalar = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    return base64url(scalar.to_bytes(32, "big"))


def create(ssm, stage, secrets_key=""):
    """Creates the missing parameters. The public key is derived from the stored private key, so both match."""
    prefix = f"/push-notifications/{stage}"
    # Without a KMS key, a SecureString is encrypted with aws/ssm. Every principal of the account may decrypt with that key.
    encrypted = {"KeyId": secrets_key} if secrets_key else {}
    put_once(ssm, f"{prefix}/rollout-percentage", "10", Type="String", AllowedPattern=PERCENTAGE,
             Description="Share of recipients in v2: 0 to 100, up to two decimals; 0 is the kill switch")
    put_once(ssm, f"{prefix}/rollout-users", "[]", Type="String", AllowedPattern=JSON_ARRAY,
             Description="JSON array of recipient ids that get v2 at any percentage above 0")
    put_once(ssm, f"{prefix}/settings", "{}", Type="String", AllowedPattern=JSON_OBJECT,
             Description="JSON object: breaker, budgets, prices, guard")
    put_once(ssm, f"{prefix}/vapid-private-key", new_vapid_private_key(), Type="SecureString",
             **encrypted, Description="P-256 scalar; replacing it makes every push subscription useless")
    stored = ssm.get_parameter(Name=f"{prefix}/vapid-private-key", WithDecryption=True)["Parameter"]["Value"]
    put_once(ssm, f"{prefix}/vapid-public-key", vapid_public_key(stored), Type="String",
             Description="The point of vapid-private-key, as browsers take it")
    put_once(ssm, f"{prefix}/recipient-hash-key", base64url(secrets.token_bytes(32)), Type="SecureString",
             **encrypted, Description="Keys of all stored recipients depend on it: losing it loses every address")
    put_once(ssm, f"{prefix}/link-signing-key", base64url(secrets.token_bytes(32)), Type="SecureString",
             **encrypted, Description="Signs the links in messages")


def create_public_base_url(ssm, stage, url):
    """Creates public-base-url after the API exists. An operator's own domain is not overwritten."""
    name = f"/push-notifications/{stage}/public-base-url"
    put_once(ssm, name, url, Type="String", AllowedPattern=r"^(https://|http://(127\.0\.0\.1|localhost)[:/])[^\s?#]+$",
             Description="Where the API is reached from outside: links and receipts lead there. Put your own domain here")
    stored = ssm.get_parameter(Name=name)["Parameter"]["Value"]
    if stored.rstrip("/") != url.rstrip("/"):
        print(f"links in messages lead to {stored}, but the API is at {url}. If {stored} is not your own domain of this API, "
              f"receipts and clicks are lost. To correct it (AWS CLI version 2; version 1 would fetch the address):\n"
              f"  aws ssm put-parameter --overwrite --name {name} --value {url}")


def add_arguments(parser):
    parser.add_argument("--secrets-key", default="", metavar="ARN",
                        help="ARN of the KMS key that encrypts the secrets (default: aws/ssm, AWS's own)")


def run(arguments):
    # The region is that of `make deploy`, not the shell's: functions read the parameters of their own region.
    stage = open_stage(arguments.stage)
    print(f"parameters of stage {stage.name} in {stage.region}")
    create(stage.client("ssm"), stage.name, arguments.secrets_key)
    if arguments.secrets_key:
        print(f"  deploy with PARAMS=\"SecretsKeyArn={arguments.secrets_key}\" to let the functions decrypt with this key; "
              "existing parameters keep theirs")
    print("  optional further destinations of alerts (create them with --type SecureString):")
    for name, what in OPTIONAL.items():
        print(f"  /push-notifications/{stage.name}/{name}: {what}")
