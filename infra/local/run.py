"""The story that `make run` tells on a deployed stack: one request, one person reached, over the cheapest channel.

    python infra/local/with_stack.py python infra/local/run.py

Everything happens on the real functions, over HTTP with tokens; every line that begins with `ok` was checked.
"""

import os
import sys
import traceback

from story.channels import Channels
from story.cleanup import Cleanup
from story.deployed import Deployed
from story.guard import Guard
from story.metrics import Metrics
from story.narrator import Narrator, NotSo
from story.push_service import PushService
from story.rollout import Rollout


def tell(narrator, stack, push_service):
    """The chapters, in order; ends at the first thing that is not so."""
    channels = Channels(narrator, stack, push_service)
    rollout = Rollout(narrator, channels)
    cleanup = Cleanup(narrator, channels)
    stack.listen_to_alerts()
    rollout.starts_at(100)
    cleanup.leave_something_behind()
    browser = channels.registers_a_device()
    channels.is_pushed(browser)
    channels.is_sent_once(browser)
    channels.falls_back_to_email(browser)
    channels.falls_back_to_sms()
    rollout.moves()
    Metrics(narrator, channels, rollout).show_all_of_it()
    cleanup.runs()
    Guard(narrator, channels, rollout).takes_version_2_back()


def main():
    narrator, stack = Narrator(), Deployed.from_environment()
    with PushService(os.environ["PUSH_ORIGIN"], stack.vapid_public_key) as push_service:
        try:
            tell(narrator, stack, push_service)
        except Exception as error:
            if not isinstance(error, (NotSo, OSError)):
                traceback.print_exc()
            print(f"  FAILED  {error or type(error).__name__}", flush=True)
            for reason in push_service.refusals:
                print(f"          the push service refused a message: {reason}", flush=True)
            print(f"\nfailed after {narrator.checks} checks; the functions' last lines follow", flush=True)
            sys.exit(1)
    print(f"\ndone: {narrator.checks} checks on the deployed stack in {narrator.seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
