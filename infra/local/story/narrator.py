"""Prints the progress of a demonstration, and ends it at the first failed check."""

import time


class CheckFailed(Exception):
    """A check of the demonstration failed."""


class Narrator:
    """Prints chapters and their checks, and counts the checks."""

    def __init__(self):
        self.began = time.monotonic()
        self.checks = 0
        self._chapter = 0

    @property
    def seconds(self):
        return time.monotonic() - self.began

    def chapter(self, title):
        self._chapter += 1
        print(f"\n{self._chapter}. {title}", flush=True)

    def note(self, text):
        print(f"      {text}", flush=True)

    def ok(self, text):
        self.checks += 1
        print(f"  ok  {text}", flush=True)

    def check(self, holds, text, found=None):
        """Prints a passed check, or raises CheckFailed with the value that was found."""
        if not holds:
            raise CheckFailed(text if found is None else f"{text}; found {found!r}")
        self.ok(text)

    def equal(self, found, wanted, text):
        self.check(found == wanted, text, found)

    def wait(self, ask, seconds, what, pause=0.5):
        """Calls `ask` until its result is true, and returns the result. Every 5 s, prints that it is still waiting."""
        began = shown = time.monotonic()
        while not (answer := ask()):
            now = time.monotonic()
            if now - began > seconds:
                raise CheckFailed(f"{what}: not within {seconds} s")
            if now - shown >= 5:
                self.note(f"waiting: {what} ({now - began:.0f} s)")
                shown = now
            time.sleep(pause)
        return answer
