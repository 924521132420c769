"""Chapter in which an operator caps how often a recipient gets a type, and a second notification waits for its slot."""

from .channels import recipient_path
from .types import DORA

NAME = "NEWS"
FOLLOWS_WITHIN_SECONDS = 30
MESSAGE = {"to": DORA, "type": NAME, "content": {"title": "News", "body": "Read more on our site."}}


class Caps:
    """Sets a frequency cap through the API, and sends notifications under it."""

    def __init__(self, narrator, channels):
        self.n, self.channels, self.stack = narrator, channels, channels.stack

    def limit_how_often(self):
        self.n.chapter("A frequency cap lets one message a day through")
        kind = {"title": "News", "class": "marketing", "channels": ["email"], "on_cap": "hold", "ttl_seconds": 172_800}
        self.stack.expect(201, "ops", "PUT", f"/v1/types/{NAME}", kind)
        rule = {"id": "daily-news", "max": 1, "per": "day", "classes": ["marketing"]}
        self.stack.expect(422, "ops", "PUT", "/v1/caps", {"rules": [{**rule, "max": 0}]})
        self.n.ok("a cap of 0 is refused")
        self.stack.expect(200, "ops", "PUT", "/v1/caps", {"rules": [rule]})
        self.n.wait(self._is_capped, FOLLOWS_WITHIN_SECONDS, "the cap takes effect")
        first = self.channels.send(DORA, "News", "Read more on our site.", type=NAME).json
        self.channels.reached(first, "email")
        held = self.channels.send(DORA, "More news", "This one waits.", type=NAME).json
        self.n.equal((held["status"], held["reason"]), ("held", "frequency_cap"), "the second message is held")
        caps = self.n.wait(self._shown_caps, FOLLOWS_WITHIN_SECONDS, "every function follows the rule")
        use = caps["rules"][0]
        self.n.equal((use["used"], use["left"]), (1, 0), f"a slot frees at {use['next_slot_at']} ({caps['time_zone']})")
        self.stack.expect(200, "send", "DELETE", f"/v1/notifications/{held['id']}")
        self.stack.expect(200, "ops", "PUT", "/v1/caps", {"rules": None})

    def _shown_caps(self):
        """Returns the caps of the recipient once they have the rule."""
        caps = self.stack.expect(200, "recipients", "GET", recipient_path(DORA, "/caps")).json
        return caps if caps["rules"] else None

    def _is_capped(self):
        """Returns true once a dry run of the message shows the rule."""
        answer = self.stack.call("send", "POST", "/v1/notifications/explain", MESSAGE)
        gates = answer.json.get("gates", []) if answer.status == 200 else []
        return any(gate["gate"] == "frequency_cap" and gate["inputs"]["rules"] for gate in gates)
