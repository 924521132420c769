"""Chapter in which an operator signs in to the web console, sends a message to a browser, and sees where it went."""

import pathlib
import sys

from .channels import recipient_path
from .pages import Visitor

ROOT = pathlib.Path(__file__).resolve().parents[3]
EVE = "eve"
TITLE, BODY = "Hello from the console", "Sent by an operator, without a line of code."


class Console:
    """Uses the web console as a person does, with a browser that runs no scripts."""

    def __init__(self, narrator, channels):
        self.n, self.channels, self.stack = narrator, channels, channels.stack

    def is_used_by_an_operator(self):
        self.n.chapter("An operator signs in to the web console and sends a message to a browser")
        if not self.stack.console:
            self.n.note("SKIPPED: this stack has an issuer of its own, at which this program cannot sign in")
            return
        self.stack.expect(201, "recipients", "PUT", recipient_path(EVE), {"locale": "en"})
        browser = self.channels.push_service.subscribe()
        self.channels.register(EVE, browser)
        person, visitor = self.stack.console["people"]["sender"], Visitor()
        visitor.opens(f"{self.stack.console['url']}/send?to={EVE}")
        self.n.check("password" in visitor.text, "without a session the console leads to the login page")
        visitor.sends("password", username=person["name"], password=person["password"])
        self.n.equal((visitor.title(), visitor.status), ("Send", 200), f"{person['name']} signs in and is at the page that was wanted")
        self.n.check("__Host-console" in visitor.cookies(), "the session is one sealed cookie of this host")
        visitor.sends("title", title=TITLE, body=BODY, action="preview")
        self.n.check("It would be sent now." in visitor.text and len(browser.messages) == 0,
                     "the preview shows the message of each channel and every gate, and sends nothing")
        visitor.sends("title", title=TITLE, body=BODY, action="send")
        self.n.equal(visitor.title(), "Notification", "one button sends it, and leads to the notification")
        arrived = browser.messages[0].message
        self.n.equal((arrived["title"], arrived["body"]), (TITLE, BODY), "the push service decrypted it")
        sent = visitor.url
        self.n.check("A provider accepted it by push" in visitor.text and "Copy as curl" in visitor.text,
                     "the page says where it went, and the same as commands of curl")
        visitor.opens(f"{self.stack.console['url']}/rollout")
        self.n.check("Back to 0 %" not in visitor.text, "a sender is not offered the way back to 0 %; an approver is")
        self._is_pictured(visitor, sent)

    def _is_pictured(self, visitor, sent):
        """Takes a picture of the notification that was sent, if Chromium is installed."""
        sys.path.insert(0, str(ROOT / "tests" / "browser"))
        import chromium
        import console_tab

        if chromium.program() is None:
            self.n.note("SKIPPED: a picture of the console, because Chromium is not installed (Debian: apt-get install chromium)")
            return
        with chromium.Chromium() as browser, console_tab.ConsoleTab(browser) as tab:
            for name, value in visitor.cookies().items():
                browser.call("Network.setCookie", tab._session, name=name, value=value, url=self.stack.console["url"],
                             secure=True, httpOnly=True, path="/")
            tab.visits(sent)
            self.n.wait(lambda: tab.has(".timeline"), 15, "the notification")
            tab.picture("make-run", "light", 1280)
        written = console_tab.PICTURES / "make-run-light-1280.png"
        self.n.check(written.stat().st_size > 10_000, f"a picture of the notification is at {written.relative_to(ROOT)}")
