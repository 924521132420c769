"""Chapters about hostile text in every field that callers and recipients control: each page shows it as text, runs
nothing, keeps its direction, and fits into a narrow window.
"""

import html.parser
import json
import re
import unicodedata
import urllib.parse

import firefox
import hostile_fields
from console_campaign import SCHEDULE
from console_firefox import ConsoleFirefox
from console_pages import launched
from console_tab import LEAVES, MAIN, NARROW, KeyboardTab, signs_in, signs_in_if_needed
from hostile_fields import ADDRESSES, FIELDS, FREE, KINDS, PERSON, REFUSED, TEXT, TYPE, hostile, quoted, type_name
from story.narrator import CheckFailed

# Letters of a text that must be shown. Some pages shorten a long one.
SHOWN_LETTERS = 60
ESCAPES = re.compile(r'\\u[0-9a-f]{4}|\\[bfnrt]|\\(?=["\\])')
# Texts of the page and of its inputs; elements that a text has made; and texts with marks of direction that are not
# kept apart from what stands beside them.
SEEN = """(() => {
  const inputs = [...document.querySelectorAll("input:not([name=csrf]), textarea, option")].map((one) => one.value);
  const made = [...document.querySelectorAll("*")].filter((one) => one.matches("script:not([src]), img[src='x']")
    || [...one.attributes].some(({name}) => name.startsWith("on"))).map((one) => one.outerHTML.slice(0, 200));
  const MARKS = /[\\u202a-\\u202e\\u2066-\\u2069]/;
  const turned = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode;
    let box = text.parentElement;
    if (!MARKS.test(text.data) || box.closest("textarea, option, script")) continue;
    const style = (one) => getComputedStyle(one);
    while (style(box).display === "inline" && !style(box).unicodeBidi.includes("isolate")) box = box.parentElement;
    if (box.textContent.trim() !== text.data.trim()) turned.push(box.outerHTML.slice(0, 300));
  }
  return {text: [document.title, document.body.textContent, ...inputs].join(" "), made, turned,
          width: document.documentElement.scrollWidth};
})()"""


def visible(text):
    """Text as a person sees it: on one line, without invisible characters, and without the escapes of JSON."""
    plain = ESCAPES.sub("", text)
    plain = "".join(one for one in plain if one == "\n" or one == "\ufffd" or unicodedata.category(one) not in ("Cc",
                                                                                                                "Cf"))
    return re.sub(r"\s+", " ", plain.replace("\ufffd", ""))


class MadeByText(html.parser.HTMLParser):
    """Elements of an e-mail that a hostile text has made."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        is_made = tag == "script" or ("src", "x") in attributes or any(name.startswith("on") for name, _ in attributes)
        self.found += [self.get_starttag_text()] if is_made else []


class HostileTab(KeyboardTab):
    """Tab of a narrow window that looks at pages with hostile texts."""

    def __init__(self, visitor):
        super().__init__(visitor.chromium)
        self._visitor, self.looked_at, self.wrong = visitor, 0, []
        # A page that runs a hostile text calls it.
        self._call("Runtime.addBinding", name="ran")

    def has_text(self, part, text):
        """True if a part of the page shows a text, as a person sees it."""
        shown = self.run(f"document.querySelector('{part}')?.innerText ?? ''")
        return visible(text)[:SHOWN_LETTERS].strip() in visible(shown)

    def answers(self, button):
        """Presses a button, and waits for the answer of the form."""
        self.run("document.documentElement.dataset.isOld = ''")
        self.submits(button)
        self._visitor.waits(lambda: self.has("html:not([data-is-old]) h1"), f"the answer of {button}")

    def errors_of_pages(self):
        return sorted(set(self.wrong))[:20]

    def begins(self):
        signs_in_if_needed(self, self._visitor)
        self.narrows()

    def narrows(self):
        self._call("Emulation.setDeviceMetricsOverride", width=NARROW, height=900, deviceScaleFactor=1, mobile=False)

    def looks_at(self, page):
        """Opens a page and returns the text that it shows. What is wrong with it is kept."""
        self.run(LEAVES)
        self.run("document.documentElement.dataset.isOld = ''")
        self.visits(self._visitor.stack.console["url"] + (page if page.startswith("?") or not page else f"/{page}"))
        self._visitor.waits(lambda: self.has("html:not([data-is-old]) body"), page[:200])
        return self.looks(page)

    def looks(self, name):
        seen = self.run(SEEN)
        name = name[:160]
        self.looked_at += 1
        is_login = name.startswith(("login", "callback"))
        self.wrong += [] if is_login or self.has(MAIN) else [f"{name} is no page of the console"]
        self.wrong += [f"{name} made {one}" for one in seen["made"]]
        self.wrong += [f"{name} turns what stands beside {one}" for one in seen["turned"]]
        self.wrong += [f"{name} needs {seen['width']} pixels"] if seen["width"] > NARROW else []
        self.wrong += [f"the e-mail of {name} made {one}" for one in MadeByText(self.frame_html()).found]
        self.wrong += [f"{name} ran a hostile text"] if self._happened("Runtime.bindingCalled") else []
        return visible(seen["text"])


def writes_all(visitor, kind):
    """Writes a kind of text into each field that takes it. Returns [(field, text, addresses of the pages)]."""
    written, refused = [], []
    for number, field in enumerate(FIELDS):
        if kind not in field.kinds:
            continue
        text, name = hostile(kind, field.letters), f"console-h{number}-{kind}"
        answer = visitor.stack.call(*field.request(text, name))
        refused += [] if answer.status in (200, 201, 202) else [f"{field.name}: {answer!r}"]
        about = {"id": (answer.json or {}).get("id", ""), "name": name, "type": type_name(name), "text": quoted(text)}
        written.append((field, text, [page.format(**about) for page in field.pages]))
    if refused:
        raise CheckFailed(f"the API refuses {kind}: {refused}")
    return written


def prepares(visitor):
    """A person, a type and a template that the fields are about."""
    def asks(*call):
        answer = visitor.stack.call(*call)
        assert answer.status in (200, 201), answer
        return answer.json

    asks("recipients", "PUT", f"/v1/recipients/{PERSON}", {"email": f"{PERSON}@example.com"})
    asks("ops", "PUT", f"/v1/types/{TYPE}", {"title": "Hostile", "class": "marketing", "channels": ["email"]})
    html = {"subject": "Hello", "html": "<p title='{{ name }}'>{{ name }}</p>", "text": "Hello {{ name }}"}
    asks("ops", "PUT", f"/v1/templates/{PERSON}", {
        "title": "Hostile", "default_locale": "en", "parts": {"en": {"email": html}},
        "variables": {"required": ["name"], **hostile_fields.variable()}})
    version = asks("ops", "POST", f"/v1/templates/{PERSON}/versions")["version"]
    asks("ops", "PUT", f"/v1/templates/{PERSON}/live", {"version": version})


def is_shown_as_text(visitor, narrator):
    narrator.chapter("Hostile text in every field is shown as text on every page that shows the field")
    prepares(visitor)
    pictured = set()
    with HostileTab(visitor) as tab:
        tab.begins()
        for kind in KINDS:
            written, texts, missing = writes_all(visitor, kind), {}, []
            for field, text, pages in written:
                for page in pages:
                    if page not in texts:
                        texts[page] = tab.looks_at(page)
                        is_pictured(tab, kind, page, pictured)
                    if field.is_shown and visible(text)[:SHOWN_LETTERS].strip() not in texts[page]:
                        missing.append(f"{field.name} on {page[:120]}")
            narrator.equal(missing, [], f"{kind}: {len(written)} fields are shown as text on {len(texts)} pages")
        narrator.equal(tab.errors_of_pages(), [],
                       f"{tab.looked_at} pages run nothing, keep their direction, and fit into {NARROW} pixels")


def is_pictured(tab, kind, page, pictured):
    """Takes a picture of the first page of each name."""
    name = f"hostile-{kind}-{page.split('?')[0] or 'overview'}"
    if name not in pictured:
        pictured.add(name)
        tab.picture(name, "light", NARROW)
        tab.narrows()


def is_refused(visitor, narrator):
    narrator.chapter("Fields with a form of their own refuse hostile texts, and links may have one in every parameter")
    taken = []
    for name, request in REFUSED:
        for kind in KINDS:
            answer = visitor.stack.call(*request(hostile(kind, 500), "console-refused"))
            taken += [] if 400 <= answer.status < 500 else [(name, kind, answer)]
    narrator.equal(taken, [], f"{len(REFUSED)} fields refuse {len(KINDS)} kinds of text each")
    with HostileTab(visitor) as tab:
        tab.begins()
        for address in ADDRESSES:
            for kind in (*FREE, "control"):
                tab.looks_at(address.format(text=urllib.parse.quote(hostile(kind, 500), safe="")))
        narrator.equal(tab.errors_of_pages(), [],
                       f"{tab.looked_at} addresses with hostile parameters run nothing and fit")


# Ids of the people to whom the rows of a list lead.
LINKED = "[...document.querySelectorAll('main tbody th a')].map((one) => new URL(one.href).searchParams.get('id'))"
# Buttons of a segment, and the part of the page that answers each.
ANSWERS = {"sample": "#sample", "funnel": "#funnel", "test": "#test"}


def is_shown_in_answers(visitor, narrator):
    narrator.chapter("Hostile ids and attributes are shown as text in a segment's answers, and in lists")
    stack, missing = visitor.stack, []
    with HostileTab(visitor) as tab:
        tab.begins()
        for kind in FREE:
            text, name = hostile(kind, 128), f"console-answer-{kind}"
            device = visitor.push_service.subscribe()
            device.is_refused = True
            people = [{"id": text, "attributes": {"plan": text}, "devices": [device.subscription()]}]
            stack.expect(200, "recipients", "POST", "/v1/recipients/batch", {"mode": "upsert", "items": people})
            stack.call(*hostile_fields.segment(filter=hostile_fields.condition("attributes.plan", text))(text, name))
            stack.expect(202, "send", "POST", "/v1/notifications", {
                "to": text, "channels": ["push"], "content": {"title": "Refused", "body": "By the push service"}})
            for action, part in ANSWERS.items():
                tab.looks_at(f"segment?id={name}")
                tab.enters("#field-recipient", text)
                tab.answers(f"button[value={action}]")
                tab.looks(f"segment, {action}, {kind}")
                missing += [] if tab.has_text(part, text) else [f"{action} of {kind}"]
            tab.looks_at("notifications")
            missing += [] if tab.has_text("main", text) else [f"the list of failures, {kind}"]
        narrator.equal(missing, [], f"{len(FREE)} kinds of text are shown in {len(ANSWERS)} answers and a list")
        narrator.equal(tab.errors_of_pages(), [], f"{tab.looked_at} pages run nothing, keep their direction, and fit")


def is_shown_among_people(visitor, narrator):
    narrator.chapter("Hostile ids are shown as text in the list of a campaign's people")
    stack, ids = visitor.stack, {kind: hostile(kind, 128) for kind in FREE}
    people = [{"id": text, "email": f"{PERSON}-{kind}@example.com"} for kind, text in ids.items()]
    stack.expect(200, "recipients", "POST", "/v1/recipients/batch", {"mode": "upsert", "items": people})
    campaign = launched(visitor, {"title": "Hostile people", "type": TYPE, "recipients": [*ids.values()]})
    # Otherwise the campaign begins at the next full minute.
    stack.invoke("CampaignsFunctionName", SCHEDULE)
    sent_to = lambda: stack.expect(200, "ops", "GET", f"/v1/campaigns/{campaign}/recipients").json["items"]
    visitor.waits(lambda: len(sent_to()) == len(ids), "the messages of the campaign")
    with HostileTab(visitor) as tab:
        tab.begins()
        tab.looks_at(f"campaign?id={campaign}&tab=recipients")
        missing = [kind for kind, text in ids.items() if not tab.has_text("main tbody", text)]
        narrator.equal(missing, [], f"{len(ids)} kinds of ids are shown in the list")
        linked = tab.run(LINKED)
        narrator.equal(sorted(linked), sorted(ids.values()), "and each leads to its person")
        narrator.equal(tab.errors_of_pages(), [], "the list runs nothing, keeps its direction, and fits")


def is_shown_between_versions(visitor, narrator):
    narrator.chapter("Hostile lines are shown as text in the difference of two versions of a template")
    missing = []
    with HostileTab(visitor) as tab:
        tab.begins()
        for kind in FREE:
            text, name = hostile(kind, 200), f"console-lines-{kind}"
            page = f"template?name={name}&view=versions"
            has_version(visitor.stack, name, "First\nSecond\nThird")
            is_drafted(visitor.stack, name, f"First\n{text}\nThird")
            tab.looks_at(page)
            missing += [] if tab.has_text("main td.typed:last-child", text) else [f"the draft, {kind}"]
            # A text with the syntax of templates is not published.
            if kind != "markup":
                has_version(visitor.stack, name, f"First\n{text}\nThird")
                tab.looks_at(f"{page}&from=2&to=1")
                missing += [] if tab.has_text("main th + td.typed", text) else [f"version 2, {kind}"]
        narrator.equal(missing, [], f"{len(FREE)} kinds of lines are shown in the draft, and in versions")
        narrator.equal(tab.errors_of_pages(), [], f"{tab.looked_at} pages run nothing, keep their direction, and fit")


def is_drafted(stack, name, text):
    """Stores the SMS of a template as its draft."""
    answer = stack.call(*hostile_fields.template(source={"text": TEXT})(text, name))
    assert answer.status in (200, 201), answer


def has_version(stack, name, text):
    """Publishes the SMS of a template, and makes it live."""
    is_drafted(stack, name, text)
    version = stack.expect(201, "ops", "POST", f"/v1/templates/{name}/versions").json["version"]
    stack.expect(200, "ops", "PUT", f"/v1/templates/{name}/live", {"version": version})


def is_shown_in_firefox(visitor, narrator):
    if firefox.is_missing(narrator, "hostile texts"):
        return
    narrator.chapter("Hostile texts in Firefox: they run nothing, and keep their direction")
    wrong, pages, url = [], set(), visitor.stack.console["url"]
    with ConsoleFirefox(visitor, True) as tab:
        signs_in(tab, visitor, "admin")
        for kind in ("markup", "direction"):
            pages |= {page for _, _, addresses in writes_all(visitor, kind) for page in addresses}
        for page in sorted(pages):
            tab.visits(f"{url}/{page}" if page else url)
            visitor.waits(lambda: tab.has(MAIN), page[:200])
            seen = tab.run("return " + SEEN)
            wrong += [f"{page[:160]}: {one}" for one in seen["made"] + seen["turned"]]
    narrator.equal(wrong[:20], [], f"{len(pages)} pages show them as text")


# Forms: page, and the button that is pressed.
FORMS = (
    ("send", "[value=preview]"), ("send", "[value=find]"), ("settings?change=sms.max_parts", "[value=check_one]"),
    ("segment", "[value=edit]:not([formaction])"), ("segment", "[value=save]"),
    ("type", "[value=check]"), ("caps", "[value=check]"), ("campaign", ".primary[value=create]"),
    ("template?name=console-typed&locale=en&channel=push", "[value=save]"),
    ("template?name=console-typed&locale=en&channel=email", "[value=preview]"),
    ("template?name=console-typed&view=about", "[value=save]"), ("settings", ".danger"), ("rollout", ".primary"),
    (f"recipient?id={PERSON}", "[value=erase]"),
)
FILLS = """((text, selector) => {
  const button = document.querySelector(`main ${selector}`);
  const inputs = "input:not([type=hidden]):not([type=checkbox]):not([type=radio]):not([type=datetime-local]), textarea";
  for (const field of button.form.querySelectorAll(inputs)) {
    field.removeAttribute("maxlength");
    if (field.tagName === "INPUT") field.type = "text";
    field.value = text;
  }
  Object.assign(button.form, {noValidate: true});
  Object.assign(button, {formTarget: "_self"});
  document.documentElement.dataset.isOld = "";
  button.click();
})"""


def is_kept_as_text(visitor, narrator):
    narrator.chapter("Hostile text that is typed into a form is shown as text by the page that refuses or previews it")
    missing = []
    with HostileTab(visitor) as tab:
        tab.begins()
        for page, button in FORMS:
            for kind in FREE:
                text = hostile(kind, 3_000)
                tab.looks_at(page)
                tab.run(f"{FILLS}({json.dumps(text)}, {json.dumps('button' + button)})")
                visitor.waits(lambda: tab.has("html:not([data-is-old]) h1"), f"the answer of {page}")
                shown = tab.looks(f"the answer of {page}, {button}, {kind}")
                if visible(text)[:SHOWN_LETTERS].strip() not in shown:
                    missing.append(f"{page} {button} {kind}")
        narrator.equal(missing, [], f"{len(FORMS)} forms keep what was typed, as text")
        narrator.equal(tab.errors_of_pages(), [], f"{tab.looked_at} pages run nothing, keep their direction, and fit")
        tab.run("localStorage.clear()")
    is_removed(visitor)


def is_removed(visitor):
    """Removes what other chapters would list."""
    visitor.stack.put_parameter("RolloutPercentageParameter", "100")
    path = "/v1/campaigns"
    while path:
        page = visitor.stack.expect(200, "ops", "GET", path).json
        for one in page["items"]:
            if one["type"] == TYPE and one["state"] == "draft":
                visitor.stack.expect(200, "ops", "POST", f"/v1/campaigns/{one['id']}/cancel", {})
        path = page["next"] and f"/v1/campaigns?after={quoted(page['next'])}"
    for one in visitor.stack.expect(200, "ops", "GET", "/v1/segments").json["items"]:
        if one["id"].startswith(("console-h", "console-answer")):
            visitor.stack.call("ops", "DELETE", f"/v1/segments/{one['id']}")


CHAPTERS = (
    is_shown_as_text, is_shown_in_answers, is_shown_among_people, is_shown_between_versions, is_shown_in_firefox,
    is_refused, is_kept_as_text,
)
