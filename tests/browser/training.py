"""The exercises of docs/training.md, in the console without scripts. What the document promises is checked.

At the end, Chromium takes the pictures of docs/console.md; `make pictures` copies them from target/console/docs/.
"""

import base64
import html
import json
import pathlib
import re
import time

import console_tab
from story.campaigns import SCHEDULE
from story.pages import Visitor as Person

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "docs" / "training.md"
PICTURES = console_tab.PICTURES / "docs"
WIDTH, HEIGHT = 1280, 860
MJML = "<mjml><mj-body><mj-section><mj-column><mj-text>Hello {{ name }}!</mj-text></mj-column></mj-section></mj-body></mjml>"


class Trainee:
    """A person of the training, who is signed in with one role at a time."""

    def __init__(self, visitor, narrator):
        self.n, self.stack = narrator, visitor.stack
        self.page, self._signed_in = None, {}

    def signs_in(self, role):
        """Signs in with a role, once for each."""
        if role not in self._signed_in:
            person, known = self.stack.console["people"][role], Person()
            known.opens(self.stack.console["url"])
            known.sends("password", username=person["name"], password=person["password"])
            self._signed_in[role] = known
        self.page = self._signed_in[role]
        return self

    def opens(self, path):
        self.page.opens(f"{self.stack.console['url']}/{path}".rstrip("/"))
        return self

    def sends(self, with_field, **values):
        """Sends the form with a field. Names with a dot are given as `fields`."""
        self.page.sends(with_field, **{**values.pop("fields", {}), **values})
        return self

    def sees(self, *texts):
        """Checks that the page has each text."""
        shown = re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", self.page.text)))
        for text in texts:
            self.n.check(text in shown, f"the page says: {text}", shown[:1500])
        return self


def prepares(trainee):
    """Creates the people as the document does."""
    people = re.findall(r"^person (\w+) +'(.*?)'$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    for person, profile in people:
        answer = trainee.stack.call("recipients", "PUT", f"/v1/recipients/{person}", json.loads(profile))
        trainee.n.check(answer.status in (200, 201), f"{person} exists", answer)
    trainee.n.equal(len(people), 4, "the document creates four people")


def operates(visitor, narrator):
    narrator.chapter("Training, session 1: operations")
    trainee = Trainee(visitor, narrator)
    prepares(trainee)
    trainee.signs_in("viewer").opens("").sees("Health of the last hour", "Arithmetic of the health", "fewer than 10 in the hour cost 15")
    trainee.signs_in("admin").opens("rollout").sends("percentage", percentage="50 %", reason="Training")
    trainee.sees("it is not a plain number", "nothing was changed")
    trainee.sends("percentage", percentage="50").sees("in force everywhere within 30 seconds", "50 %", "admin@example.com Training")
    trainee.signs_in("approver").opens("rollout")
    narrator.check("Change the percentage" not in trainee.page.text, "an approver is not offered the change of the percentage")
    trainee.sends("action", action="zero").sees("Every recipient gets version 1 within 30 seconds", "approver@example.com back to 0 %")
    trainee.signs_in("admin").opens("rollout").sends("percentage", percentage="100", reason="Training, again")
    trainee.sees("in force everywhere within 30 seconds")
    trainee.opens("settings").sends("document", action="check", document='{"sms": {"daily_ceiling": 1000000}}')
    trainee.sees("did you mean daily_ceiling_micros?", "nothing was changed")
    trainee.sends("document", action="check", document='{"sms": {"daily_ceiling_micros": 1000000}}')
    trainee.sees("What would change", "5,000,000 (5.00 EUR) (from default) 1,000,000 (1.00 EUR) (from parameter)")
    trainee.sends("document", action="save").sees("The settings were changed.", "1,000,000 (1.00 EUR) parameter")
    trainee.opens("audit").sees("sms.daily_ceiling_micros before: – after: 1000000")
    trainee.opens("settings").sees(": revert to this")
    before = re.search(r'href="([^"]*)"[^>]*>[^<]*: revert to this', trainee.page.text)
    trainee.page.opens(f"{trainee.stack.api_url.split('/_aws')[0]}{html.unescape(before[1])}")
    trainee.sees("What would change", "1,000,000 (1.00 EUR) (from parameter) 5,000,000 (5.00 EUR) (from default)")
    trainee.sends("document", action="save").sees("The settings were changed.")


def supports(visitor, narrator):
    narrator.chapter("Training, session 2: support")
    trainee = Trainee(visitor, narrator).signs_in("sender")
    message = {"title": "Hello", "body": "Training"}
    for person, verdict in (("marco", "It would be skipped, reason: opted out"), ("noor", "It would be held until"),
                            ("otto", "It would be skipped, reason: no channel"), ("lena", "It would be sent now.")):
        trainee.opens(f"send?to={person}").sends("title", **message, action="preview").sees(verdict)
    trainee.sends("title", **message, action="send").sees("A provider accepted it by email", "email to ses: accepted")
    sent = re.search(r"<dt>Id</dt><dd><code>([^<]+)", trainee.page.text)[1]
    trainee.opens("").sends("q", q=sent)
    narrator.check(f"notification?id={sent}" in trainee.page.url, "the search leads to the notification", trainee.page.url)
    trainee.opens("send?to=marco").sends("title", **message, action="send").sees("It was not sent: opted out.")
    tomorrow = time.strftime("%Y-%m-%dT%H:%M", time.gmtime(time.time() + 86_400))
    trainee.opens("send?to=lena").sends("title", **message, send_at=tomorrow, action="send").sees("; nothing was sent yet.")
    trainee.sends("id", action="cancel").sees("Cancelled. Nothing more will be sent.")
    trainee.signs_in("admin").opens("").sends("q", q="noor").sees("noor@example.com", "00:01 to 00:00")
    exported = Person()
    exported.__dict__.update(trainee.page.__dict__)
    exported.sends("after", action="export")
    narrator.check('"noor@example.com"' in exported.text, "the export has what is stored", exported.text[:300])
    trainee.sends("confirm", confirm="noor", action="erase").sees("Certificate of the erasure", "What runs out by itself", "What is kept")
    trainee.opens("").sends("q", q="noor")
    narrator.equal(trainee.page.status, 404, "nobody is known by the erased id")


def makes_a_product(visitor, narrator):
    narrator.chapter("Training, session 3: product")
    trainee = Trainee(visitor, narrator).signs_in("editor")
    kind = {"new_name": "NEWS", "title": "News", "class": "marketing", "channels": "email"}
    trainee.opens("type").sends("new_name", **kind, action="check").sees("What would change", "Class – marketing")
    trainee.sends("new_name", **kind, action="save").sees("Saved.")
    text = {"part.subject": "Spring, {{ name }}", "part.mjml": MJML, "part.text": "Hello {{ nam }}!"}
    trainee.opens("template?name=spring&locale=en&channel=email").sends("part.subject", fields=text, action="save")
    trainee.sees("which variables does not declare", "uses nam", "line 1, column 10")
    variables = {"properties": {"name": {"type": "string", "default": "friend", "example": "Ada"}}}
    trainee.opens("template?name=spring&view=about").sends("part.variables", fields={"part.variables": json.dumps(variables)}, action="save")
    trainee.opens("template?name=spring&locale=en&channel=email")
    trainee.sends("part.text", fields={"part.text": "Hello {{ name }}!"}, action="save").sees("en missing complete missing")
    trainee.opens("template?name=spring&view=versions").sends("view", action="publish").sees("Published as a new version.")
    trainee.signs_in("approver").opens("template?name=spring&view=versions").sends("version", action="live").sees("version 1 is live")
    condition = {"all": [{"field": "attributes.plan", "op": "eq", "value": "gold"}]}
    trainee.signs_in("editor").opens("segment").sends("new_id", new_id="gold", title="Gold", json=json.dumps(condition), action="save")
    trainee.opens("segment?id=gold").sees("3 people, exact", "reachable by email 2 exact")
    trainee.sends("recipient", recipient="lena", action="test").sees("belongs to the segment")
    sends_a_campaign(trainee)
    trainee.signs_in("viewer").opens("analytics").sees("Funnel", "NEWS")


def sends_a_campaign(trainee):
    campaign = {"title": "Spring", "type": "NEWS", "segment": "gold", "message": "template", "template.name": "spring"}
    trainee.opens("campaign").sends("step", fields=campaign, action="create").sees("Nothing is sent before the launch.")
    found = re.search(r"campaign\?id=([0-9a-z]+)", trainee.page.url)[1]
    trainee.opens(f"campaign?id={found}&step=plan").sends("step", action="plan")
    waits_for(trainee, f"campaign?id={found}&step=plan", "the sum is right")
    trainee.sees("sent at once 2", "skipped: no channel 1")
    trainee.signs_in("approver").opens(f"campaign?id={found}&step=approve").sends("hash", action="approve")
    trainee.opens(f"campaign?id={found}&step=launch").sends("hash", action="launch")
    waits_for(trainee, f"campaign?id={found}", "It is finished", lambda: trainee.stack.invoke("CampaignsFunctionName", SCHEDULE))
    trainee.sees("the sum is right", "no allowed channel has an address 1")


def waits_for(trainee, path, text, action=lambda: None):
    """Waits until a page has a text; `action` runs before each look, so that nobody waits for the next full minute."""
    def says():
        action()
        return text in trainee.opens(path).page.text

    trainee.n.wait(says, 120, f"the page {path} says: {text}")


def pictures_are_taken(visitor, narrator):
    narrator.chapter("Pictures of the console for its documentation")
    trainee = Trainee(visitor, narrator).signs_in("viewer")
    found = {kind: re.search(rf"{kind}\?id=([^\"&]+)", trainee.opens(page).page.text)[1] for kind, page in (
        ("notification", "recipient?id=lena"), ("campaign", "campaigns"))}
    # The form of a send is the last one: a page with unsaved text asks before it is left.
    pages = {"overview": "", "notification": f"notification?id={found['notification']}",
             "template": "template?name=spring&locale=en&channel=email", "campaign": f"campaign?id={found['campaign']}",
             "segment": "segment?id=gold", "rollout": "rollout",
             "send": "send?to=lena"}
    PICTURES.mkdir(parents=True, exist_ok=True)
    with console_tab.ConsoleTab(visitor.chromium) as tab:
        visitor.chromium.call("Storage.clearCookies")
        console_tab.signs_in(tab, visitor, "admin", "rollout?zone=utc")
        tab._call("Emulation.setDeviceMetricsOverride", width=WIDTH, height=HEIGHT, deviceScaleFactor=1, mobile=False)
        for name, page in pages.items():
            tab.visits(f"{visitor.stack.console['url']}/{page}".rstrip("/"))
            visitor.waits(lambda: tab.has("h1") and tab.has(console_tab.MAIN), f"the page {name}")
            if name == "send":
                tab.enters("input[name=title]", "Order 7")
                tab.enters("textarea[name=body]", "Your order is on its way.")
                tab.run("document.querySelector('form[data-preview]').dispatchEvent(new Event('input', {bubbles: true}))")
                visitor.waits(lambda: tab.has("#preview .state"), "the preview")
            image = tab._call("Page.captureScreenshot", format="webp", quality=70)["data"]
            (PICTURES / f"{name}.webp").write_bytes(base64.b64decode(image))
        tab._call("Emulation.clearDeviceMetricsOverride")
    sizes = [path.stat().st_size for path in PICTURES.glob("*.webp")]
    narrator.check(len(sizes) >= len(pages) and min(sizes) > 5_000, f"{len(pages)} pictures are in {PICTURES.name}", sizes)


CHAPTERS = (operates, supports, makes_a_product, pictures_are_taken)
