"""Demonstration of `make run` on a deployed stack: one request reaches one person over the cheapest channel.

    python infra/local/with_stack.py python infra/local/run.py

All steps call the deployed functions, over HTTP with tokens. Each line that begins with `ok` is the result of a check.
"""

import os
import sys
import traceback

from story.campaigns import Campaigns
from story.caps import Caps
from story.channels import Channels
from story.cleanup import Cleanup
from story.console import Console
from story.deployed import Deployed
from story.guard import Guard
from story.metrics import Metrics
from story.narrator import CheckFailed, Narrator
from story.preferences import Preferences
from story.push_service import PushService
from story.rollout import Rollout
from story.templates import Templates
from story.types import Types


def run_chapters(narrator, stack, push_service):
    """Runs the chapters in order. The first failed check ends the demonstration."""
    channels = Channels(narrator, stack, push_service)
    rollout = Rollout(narrator, channels)
    cleanup = Cleanup(narrator, channels)
    stack.subscribe_to_alerts()
    rollout.starts_at(100)
    cleanup.register_expiring_device()
    browser = channels.registers_a_device()
    channels.is_pushed(browser)
    channels.is_sent_once(browser)
    channels.falls_back_to_email(browser)
    channels.falls_back_to_sms()
    Types(narrator, channels).are_made_by_operators()
    Templates(narrator, channels).are_written_once_and_sent_in_two_languages()
    Caps(narrator, channels).limit_how_often()
    Preferences(narrator, channels).are_chosen_by_a_person()
    rollout.moves()
    Metrics(narrator, channels, rollout).match_the_notifications()
    cleanup.runs()
    Guard(narrator, channels, rollout).switches_version_2_off()
    Campaigns(narrator, channels).reach_a_segment()
    Console(narrator, channels).is_used_by_an_operator()


def main():
    narrator, stack = Narrator(), Deployed.from_environment()
    with PushService(os.environ["PUSH_ORIGIN"], stack.vapid_public_key) as push_service:
        try:
            run_chapters(narrator, stack, push_service)
        except Exception as error:
            if not isinstance(error, (CheckFailed, OSError)):
                traceback.print_exc()
            print(f"  FAILED  {error or type(error).__name__}", flush=True)
            for reason in push_service.refusals:
                print(f"          the push service refused a message: {reason}", flush=True)
            print(f"\nfailed after {narrator.checks} checks; the functions' last log lines follow", flush=True)
            sys.exit(1)
    print(f"\ndone: {narrator.checks} checks on the deployed stack in {narrator.seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
