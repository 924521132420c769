"""Operator's tool of the notification service. Each subcommand works on one stage, which --stage names.

A stage is a section of samconfig.toml. `local` is the stack that `make up` started, or the one that the environment
variable STACK_JSON describes; every other stage is on real AWS, with the credentials that the AWS SDK finds.
"""

import argparse

from notifications_ops import adopt, deploy, export_segment, import_recipients, parameters, redrive, report, smoke, sms_receipts
from notifications_ops.stage import LOCAL

# In the order in which a new stage needs them. Each module has SUMMARY, a docstring, add_arguments and run.
SUBCOMMANDS = {
    "init": parameters,
    "deploy": deploy,
    "smoke": smoke,
    "import": import_recipients,
    "export": export_segment,
    "report": report,
    "redrive": redrive,
    "sms-receipts": sms_receipts,
    "adopt": adopt,
}


def parser():
    """Parser of the command line. An option with an empty value counts as absent."""
    top = argparse.ArgumentParser(prog="notifications_ops", description=__doc__,
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
    subparsers = top.add_subparsers(dest="subcommand", metavar="SUBCOMMAND", required=True)
    for name, module in SUBCOMMANDS.items():
        one = subparsers.add_parser(name, help=module.SUMMARY, description=module.__doc__,
                                    formatter_class=argparse.RawDescriptionHelpFormatter)
        one.add_argument("--stage", default=LOCAL, help=f"section of samconfig.toml (default: {LOCAL})")
        module.add_arguments(one)
        one.set_defaults(run=module.run)
    return top


def main(words=None):
    """Runs one subcommand and returns its exit code."""
    arguments = parser().parse_args(words)
    return arguments.run(arguments)
