"""Tells what happens, and stops the story at the first thing that is not so."""

import time


class NotSo(Exception):
    """Something that the story claims did not happen."""


class Narrator:
    """Prints chapters and what was checked in them; counts the checks."""

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

    def tell(self, text):
        print(f"      {text}", flush=True)

    def ok(self, text):
        self.checks += 1
        print(f"  ok  {text}", flush=True)

    def check(self, holds, text, found=None):
        """Says that it holds, or ends the story with what was found instead."""
        if not holds:
            raise NotSo(text if found is None else f"{text}; found {found!r}")
        self.ok(text)

    def equal(self, found, wanted, text):
        self.check(found == wanted, text, found)

    def wait(self, ask, seconds, what, pause=0.5):
        """Asks until the answer is true; shows now and then that it is still waiting. Answers with the answer."""
        began = shown = time.monotonic()
        while not (answer := ask()):
            now = time.monotonic()
            if now - began > seconds:
                raise NotSo(f"{what}: not within {seconds} s")
            if now - shown >= 5:
                self.tell(f"waiting: {what} ({now - began:.0f} s)")
                shown = now
            time.sleep(pause)
        return answer
