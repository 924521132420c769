"""Chapter in which an operator creates a type of notification, pauses it, and reads who changed it."""

from .channels import recipient_path

DORA, EMAIL = "dora", "dora@example.com"
NAME = "INVOICE_SENT"
PATH = f"/v1/types/{NAME}"
FOLLOWS_WITHIN_SECONDS = 30
MESSAGE = {"to": DORA, "type": NAME, "content": {"title": "Your invoice", "body": "It is attached to your account."}}


class Types:
    """Changes a type through the API, and sends notifications of it."""

    def __init__(self, narrator, channels):
        self.n, self.channels, self.stack = narrator, channels, channels.stack

    def are_made_by_operators(self):
        self.n.chapter("An operator creates a type of notification")
        self.stack.expect(201, "recipients", "PUT", recipient_path(DORA), {"email": EMAIL})
        refused = self.stack.expect(422, "send", "POST", "/v1/notifications", MESSAGE).json
        self.n.note(f"before: type {refused['errors'][0]['message']}")
        definition = {"title": "Invoices", "class": "transactional", "channels": ["email", "push"], "ttl_seconds": 86_400}
        made = self.stack.expect(201, "ops", "PUT", PATH, definition).json
        self.n.equal((made["revision"], made["quiet_hours"], made["tries"]), (1, "respect", 4),
                     "the class and the defaults set what the request leaves out")
        self._explained_until(lambda status, _: status == 200, "callers can send it")
        sent = self.channels.send(DORA, "Your invoice", "It is attached to your account.", type=NAME).json
        self.channels.reached(sent, "email")
        self.n.equal(len(self.stack.sent_mail(EMAIL)), 1, "SES accepted it: e-mail is the type's first channel")
        self._is_paused(definition)

    def _is_paused(self, definition):
        self.stack.expect(200, "ops", "PUT", PATH, {**definition, "state": "paused"})
        self._explained_until(lambda _, plan: plan["reason"] == "type_paused", "the pause takes effect")
        held = self.channels.send(DORA, "Your invoice", "This one waits.", type=NAME, ttl_seconds=86_400).json
        self.n.equal((held["status"], held["reason"]), ("held", "type_paused"), "while the type is paused, a message is held")
        self.stack.expect(200, "send", "DELETE", f"/v1/notifications/{held['id']}")
        changes = self.stack.expect(200, "ops", "GET", f"{PATH}/changes").json["items"]
        self.n.equal([one["after"].get("state") for one in changes], ["paused", "active"], "both changes are recorded")
        self.n.check(all(one["who"] == "api" and one["name"] for one in changes), "with the client that made them")

    def _explained_until(self, is_reached, what):
        """Waits until a dry run of the message has the wanted result."""
        def ask():
            answer = self.stack.call("send", "POST", "/v1/notifications/explain", MESSAGE)
            return is_reached(answer.status, answer.json)

        self.n.wait(ask, FOLLOWS_WITHIN_SECONDS, what)
