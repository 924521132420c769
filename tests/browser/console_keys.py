"""Chapters about the keyboard alone, with the events of real keys: shortcuts, which never fire while somebody types,
and the builder of segments.
"""

from console_tab import KeyboardTab, NOTICE, SHIFT, signs_in_if_needed

NAME = "console-by-keyboard"
# Shortcuts that lead to a page.
PAGES = {"o": "console", "s": "send", "n": "notifications", "r": "recipients", "t": "templates", "c": "campaigns",
         "a": "analytics", "p": "rollout"}
FOCUS = "document.activeElement.id || document.activeElement.name || document.activeElement.tagName"
VALUE = "document.activeElement.value"


def has_shortcuts(visitor, narrator):
    narrator.chapter("Shortcuts by real keys, which never fire while somebody types")
    with KeyboardTab(visitor.chromium) as tab:
        signs_in_if_needed(tab, visitor)
        tab.opens(visitor, "types", "h1")
        tab.press("/")
        narrator.equal((tab.run(FOCUS), tab.run(VALUE)), ("search", ""),
                       "/ leads to the search, and types nothing into it")
        for key in ("/", "?", "g", "r"):
            tab.press(key)
        narrator.equal((tab.run(VALUE), tab.has("#help"), "types" in tab.path()), ("/?gr", False, True),
                       "in a field, the same keys are typed, and do nothing else")
        tab.press("Escape")
        tab.run("document.activeElement.blur()")
        tab.press("?", SHIFT)
        narrator.check(tab.has("#help[open]"), "? shows the shortcuts")
        narrator.check(tab.run("document.activeElement.closest('#help') !== null"), "and the focus is among them")
        tab.press("Escape")
        narrator.equal(tab.has("#help[open]"), False, "Escape closes them")
        for modifiers, name in ((2, "Ctrl"), (1, "Alt"), (4, "Meta")):
            tab.press("/", modifiers)
            narrator.check(tab.run(FOCUS) != "search", f"{name} and / is left to the browser", tab.run(FOCUS))
        for key, page in PAGES.items():
            # The page of the recipients begins in its field.
            tab.run("document.activeElement.blur()")
            tab.press("g")
            tab.press(key)
            visitor.waits(lambda: tab.run("location.pathname").endswith(f"/{page}") and tab.has("h1"), f"g {key}")
        narrator.check(True, f"g and a letter lead to {len(PAGES)} pages")
        tab.press("g")
        tab.press("x")
        tab.press("s")
        narrator.check(tab.run("location.pathname").endswith("/rollout"), "a letter alone leads nowhere")


def builds_a_segment(visitor, narrator):
    narrator.chapter("A segment is built by the keyboard alone: groups, conditions, operators, and the estimate")
    stack = visitor.stack
    stack.call("ops", "DELETE", f"/v1/segments/{NAME}")
    with KeyboardTab(visitor.chromium) as tab:
        signs_in_if_needed(tab, visitor)
        tab.opens(visitor, "segment", "#field-id")
        for selector, text in (("#field-id", NAME), ("#field-title", "By keyboard")):
            narrator.check(tab.goes_to(selector), f"Tab reaches {selector}")
            tab.types(text)
        presses(tab, visitor, narrator, "button[formaction*='add_condition']", "[name='n.0.field']",
                "a condition is added")
        fills(tab, narrator, "n.0", "attributes.plan", "gold")
        presses(tab, visitor, narrator, "button[formaction*='add_group']", "[name='n.1.kind']", "a group is added")
        tab.goes_to("[name='n.1.kind']")
        before = tab.run(VALUE)
        tab.press("ArrowDown")
        narrator.check(tab.run(VALUE) != before, "an arrow changes what the people of a group match", tab.run(VALUE))
        tab.press("Home")
        presses(tab, visitor, narrator, "button[formaction$='at=n.1'][formaction*='add_condition']",
                "[name='n.1.1.field']",
                "a condition is added to the group")
        fills(tab, narrator, "n.1.0", "locale", "en")
        fills(tab, narrator, "n.1.1", "attributes.city", "Rome")
        tab.goes_to("[name='n.1.1.op']")
        operator = tab.run(VALUE)
        tab.press("ArrowDown")
        narrator.check(tab.run(VALUE) != operator, "an arrow changes the operator", tab.run(VALUE))
        tab.press("ArrowUp")
        corrects(tab, narrator)
        narrator.check(tab.goes_to("button[value=edit]:not([formaction])"), "Tab reaches the estimate")
        tab.press("Enter")
        visitor.waits(lambda: tab.has("#estimate .figure"), "the estimate")
        narrator.check('"gold"' in tab.run("document.getElementById('field-filter').value"),
                       "the JSON has the conditions of the form")
        presses(tab, visitor, narrator, "button[formaction$='at=n.1'][formaction*='remove']", "h1",
                "the group is removed",
                lambda: not tab.has("[name='n.1.kind']"))
        narrator.check(tab.goes_to("button.primary[value=save]"), "Tab reaches the button")
        tab.press("Enter")
        visitor.waits(lambda: tab.has(NOTICE), "the saved segment")
        stored = stack.expect(200, "ops", "GET", f"/v1/segments/{NAME}").json["filter"]
        narrator.equal(stored, {"all": [{"field": "attributes.plan", "op": "eq", "value": "gold"}]},
                       "it is saved as it was built")
        tab.run("localStorage.clear()")
    stack.call("ops", "DELETE", f"/v1/segments/{NAME}")


def presses(tab, visitor, narrator, button, selector, text, is_done=lambda: True):
    """Goes to a button by Tab, presses Enter, and waits for the next page."""
    narrator.check(tab.goes_to(button), f"Tab reaches the button: {text}")
    tab.run("document.documentElement.dataset.isOld = ''")
    tab.press("Enter")
    visitor.waits(lambda: tab.has(f"html:not([data-is-old]) {selector}") and is_done(), text)


def fills(tab, narrator, key, field, value):
    for name, text in (("field", field), ("value", value)):
        narrator.check(tab.goes_to(f"[name='{key}.{name}']"), f"Tab reaches the {name} of the condition {key}")
        tab.types(text)


def corrects(tab, narrator):
    """Corrects a value by Home, Delete and Backspace."""
    tab.goes_to("[name='n.0.value']")
    tab.types("xgoldy")
    tab.press("Home")
    tab.press("Delete")
    tab.press("End")
    tab.press("Backspace")
    narrator.equal(tab.run(VALUE), "gold", "Home, End, Delete and Backspace correct a value")


CHAPTERS = (has_shortcuts, builds_a_segment)
