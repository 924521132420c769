"""Chapter in which an editor writes a template in two languages, previews, publishes and tests it, and callers send it."""

from .channels import recipient_path

NAME, TYPE = "parcel-waiting", "PARCEL_WAITING"
ITALIAN, ENGLISH = ("enzo", "enzo@example.com", "it-IT"), ("emma", "emma@example.com", "en-GB")
DAYS = "{{ days | plural(one='# day', other='# days') }}"
GIORNI = "{{ days | plural(one='# giorno', other='# giorni') }}"
DRAFT = {
    "title": "Parcel waiting", "default_locale": "en",
    "variables": {"required": ["days"], "properties": {"days": {"type": "number", "example": 3}}},
    "parts": {
        "en": {"email": {"subject": f"Your parcel waits {DAYS}", "html": f"<p>Collect it within {DAYS}.</p>",
                         "text": f"Collect it within {DAYS}."}},
        "it": {"email": {"subject": f"Il tuo pacco aspetta {GIORNI}", "html": f"<p>Ritiralo entro {GIORNI}.</p>",
                         "text": f"Ritiralo entro {GIORNI}."}},
    },
}
FOLLOWS_WITHIN_SECONDS = 30


class Templates:
    """Writes a template through the API, and sends notifications with it."""

    def __init__(self, narrator, channels):
        self.n, self.channels, self.stack = narrator, channels, channels.stack

    def are_written_once_and_sent_in_two_languages(self):
        self.n.chapter("A template is written once and sent in two languages")
        for name, email, locale in (ITALIAN, ENGLISH):
            self.stack.expect(201, "recipients", "PUT", recipient_path(name), {"email": email, "locale": locale})
        saved = self._template("PUT", 201, {**DRAFT, "parts": {"en": {"email": {
            "subject": "Parcel", "html": "<p>\n{{ days | shout }}</p>", "text": "x"}}}})
        found = saved["findings"][0]
        self.n.note(f"a draft with a mistake: {found['path']}, line {found['line']}: {found['message']}")
        self._template("PUT", 200, DRAFT)
        preview = self._template("POST", 200, {"locale": "it-IT", "variables": {"days": 1}}, "/preview")
        self.n.equal(preview["email"]["subject"], "Il tuo pacco aspetta 1 giorno", "the preview shows the Italian subject")
        self._test_is_sent()
        self.n.equal(self._template("POST", 201, None, "/versions")["version"], 1, "the draft is published as version 1")
        self._template("PUT", 200, {"version": 1}, "/live")
        kind = {"title": "Parcels", "class": "transactional", "channels": ["email"], "template": NAME}
        self.stack.expect(201, "ops", "PUT", f"/v1/types/{TYPE}", kind)
        for (name, email, _), subject in ((ITALIAN, "Il tuo pacco aspetta 5 giorni"), (ENGLISH, "Your parcel waits 5 days")):
            message = {"to": name, "type": TYPE, "variables": {"days": 5}}
            sent = self.stack.expect(202, "send", "POST", "/v1/notifications", message).json
            self.channels.sent_ids.append(sent["id"])
            self.channels.reached(sent, "email")
            self.n.equal(self.stack.sent_mail(email)[-1]["Subject"], subject, f"{name} reads: {subject}")
        self._missing_variable_is_refused()

    def _test_is_sent(self):
        """Sends the draft to its editor. No figure counts the message."""
        name, email, _ = ENGLISH
        answer = self._template("POST", 202, {"to": [name]}, "/test")["items"][0]
        self.n.wait(lambda: self.stack.sent_mail(email), 20, "SES accepts the test")
        subject = self.stack.sent_mail(email)[-1]["Subject"]
        self.n.equal((answer["is_test"], subject), (True, "Your parcel waits 3 days"), f"a test of the draft arrived: {subject}")

    def _missing_variable_is_refused(self):
        message = {"to": ITALIAN[0], "type": TYPE, "variables": {}}
        refused = self.stack.expect(422, "send", "POST", "/v1/notifications", message).json
        self.n.equal(refused["errors"][0]["field"], "variables.days", "a message without its variable is refused by name")

    def _template(self, method, status, body, below=""):
        return self.stack.expect(status, "ops", method, f"/v1/templates/{NAME}{below}", body).json
