"""Chapter in which a person opens the link of an e-mail, and chooses on the preference page what to receive."""

import html.parser
import urllib.parse
import urllib.request

from .caps import FOLLOWS_WITHIN_SECONDS, MESSAGE, NAME
from .channels import recipient_path
from .deployed import OPENER, REQUEST_SECONDS
from .types import DORA, EMAIL


class Page(html.parser.HTMLParser):
    """Page of the service: its forms, each with action and fields, and its notice."""

    def __init__(self, url, text):
        super().__init__()
        self.url, self.forms, self.texts = url, [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "form":
            action = urllib.parse.urljoin(self.url, given.get("action") or self.url)
            self.forms.append({"action": action, "fields": []})
        is_sent = given.get("type") != "checkbox" or "checked" in given
        if tag == "input" and self.forms and is_sent:
            self.forms[-1]["fields"].append((given["name"], given.get("value", "")))

    def handle_data(self, data):
        self.texts.append(data)


def opened(url, fields=None):
    """Page at a link, or after a form with these fields is submitted to it, as in a browser without scripts."""
    data = None if fields is None else urllib.parse.urlencode(fields).encode()
    with OPENER.open(urllib.request.Request(url, data=data), timeout=REQUEST_SECONDS) as answer:
        return Page(url, answer.read().decode())


class Preferences:
    """Opens the link of the last e-mail, unticks a type, and sends a notification of it."""

    def __init__(self, narrator, channels):
        self.n, self.channels, self.stack = narrator, channels, channels.stack

    def are_chosen_by_a_person(self):
        self.n.chapter("A person chooses on the preference page")
        self.stack.expect(200, "recipients", "PATCH", recipient_path(DORA), {"locale": "it-IT"})
        self.n.wait(self._is_sent, FOLLOWS_WITHIN_SECONDS, "the cap of the last chapter ends")
        sent = self.channels.send(DORA, "News", "A last one.", type=NAME).json
        self.channels.reached(sent, "email")
        words = self.stack.sent_mail(EMAIL)[-1]["BodyText"].split()
        link = next(word for word in words if "/v1/unsubscribe/" in word)
        page = opened(link)
        self.n.check("Preferenze dei messaggi" in page.texts, "the e-mail's link opens the page in the person's language")
        form = page.forms[-1]
        kept = [field for field in form["fields"] if field != ("yes", f"{NAME}|*")]
        self.n.equal(len(form["fields"]) - len(kept), 1, f'the person unticks "News", without logging in')
        saved = opened(form["action"], kept)
        self.n.check("Le tue scelte sono salvate." in saved.texts, "and saves the choices")
        found = self.stack.expect(200, "recipients", "GET", recipient_path(DORA)).json["preferences"]["choices"]
        self.n.equal([(one.get("type"), one["wants"], one["by"]) for one in found], [(NAME, False, "link")],
                     "the choice is stored with its author")
        skipped = self.channels.send(DORA, "News", "This one is not sent.", type=NAME).json
        self.n.equal((skipped["status"], skipped["reason"]), ("skipped", "opted_out"), "the next message is not sent")
        profile = {"email": EMAIL, "locale": "it-IT", "preferences": {"opted_out_types": []}}
        answer = self.stack.expect(200, "recipients", "PUT", recipient_path(DORA), profile)
        self.n.equal(answer.json["unsubscribed_types"], [NAME], "and no caller reverts the choice")

    def _is_sent(self):
        """Returns true once a dry run of the message passes all gates."""
        return self.stack.expect(200, "send", "POST", "/v1/notifications/explain", MESSAGE).json["verdict"] == "send"
