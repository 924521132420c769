"""Chapters about the web console in Firefox: the core paths with and without scripts; every page, narrow and dark."""

import firefox
from console_pages import NAVIGATION, pages_of, takes_core_paths
from console_tab import MAIN, NARROW, RULES, CheckedTab, axe_source, notes_missing_rules, origin_of, signs_in
from firefox import Firefox

# Dark colours, and scripts may open a window, which can be narrower than the browser's own one.
DARK = {"layout.css.prefers-color-scheme.content-override": 0, "dom.disable_open_during_load": False}
NEEDED = """return [document.documentElement.scrollWidth, innerWidth,
  matchMedia('(prefers-color-scheme: dark)').matches,
  document.querySelector('h1').innerText, document.title.split(' – ')[0]];"""
ORIGINS = "return [...new Set(performance.getEntriesByType('resource').map((one) => new URL(one.name).origin))];"
ELSEWHERE = "elsewhere.example"
# The image of another origin that a test adds; and axe-core asks every frame, while the sandboxed one of an e-mail has
# another origin.
CAUSED = (ELSEWHERE, "Failed to execute ‘postMessage’ on ‘DOMWindow’")


class ConsoleFirefox(CheckedTab, Firefox):
    """Firefox on the console. Its errors include violations of the policy."""

    def __init__(self, visitor, scripts, preferences=None):
        super().__init__(scripts, preferences)
        self._origin = origin_of(visitor)

    def unexpected_errors(self):
        return [one for one in self.errors(self._origin) if not any(text in one for text in CAUSED)]


def works_in_firefox(visitor, narrator):
    if firefox.is_missing(narrator, "the console"):
        return
    for scripts in (True, False):
        narrator.chapter(f"The core paths of the console in Firefox, {'with' if scripts else 'without'} scripts")
        with ConsoleFirefox(visitor, scripts) as tab:
            takes_core_paths(tab, visitor, narrator, scripts)


def is_narrow_and_dark_in_firefox(visitor, narrator):
    if firefox.program() is None:
        return
    narrator.chapter("Every page in Firefox, dark, in 320 pixels: the rules of axe-core, the width, errors, requests")
    rules, console, origin = axe_source(), visitor.stack.console["url"], origin_of(visitor)
    with ConsoleFirefox(visitor, True, DARK) as tab:
        signs_in(tab, visitor, "admin")
        tab.moves_to_a_window(NARROW)
        against_rules, origins, wide, untitled = [], set(), [], []
        pages = set(pages_of(visitor).values()) | set(tab.run("return " + NAVIGATION))
        for page in sorted(pages):
            tab.visits(f"{console}/{page}" if page else console)
            visitor.waits(lambda: tab.has(MAIN), page or "overview")
            if rules:
                against_rules += [f"{page}: {one}" for one in tab.run(rules + ";return " + RULES)]
            needed, width, is_dark, heading, title = tab.run(NEEDED)
            wide += [] if needed <= width <= NARROW and is_dark else [(page, needed, width, is_dark)]
            untitled += [] if title == heading else [(page, heading, title)]
            origins |= set(tab.run(ORIGINS))
        narrator.equal(wide, [], f"each of {len(pages)} pages is dark, and fits into {NARROW} pixels")
        narrator.equal(untitled, [], "each has its title as heading")
        narrator.equal(against_rules, [], "no page violates a rule of axe-core")
        narrator.equal(origins, {origin}, "no request leaves the origin")
        image = f"{{src: 'https://{ELSEWHERE}/x.png'}}"
        tab.run(f"document.body.append(Object.assign(document.createElement('img'), {image}));")
        visitor.waits(lambda: any(ELSEWHERE in one for one in tab.errors(origin)),
                      "the report about an image of another origin")
        tab.is_clean()
        narrator.check(True, "no error in the browser's console, and no report of the policy, but for the test's own")
    notes_missing_rules(rules, narrator)


CHAPTERS = (works_in_firefox, is_narrow_and_dark_in_firefox)
