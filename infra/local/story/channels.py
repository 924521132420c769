"""One person, reached over the cheapest channel that works: push, then e-mail, then SMS."""

import time
import urllib.parse

from .narrator import NotSo

ADA, EMAIL, PHONE = "ada@work", "ada@example.com", "+393331234567"
FINAL = {"accepted", "delivered", "failed", "skipped", "cancelled", "expired", "uncertain"}


def recipient_path(recipient, rest=""):
    return f"/v1/recipients/{urllib.parse.quote(recipient, safe='')}{rest}"


class Channels:
    """What the chapters about channels share: the narrator, the stack, the push service, and every id that was made."""

    def __init__(self, narrator, stack, push_service):
        self.n, self.stack, self.push_service = narrator, stack, push_service
        self.sent_ids = []

    def register(self, recipient, browser, ends_at_ms=None):
        path = recipient_path(recipient, "/devices")
        return self.stack.expect(201, "recipients", "PUT", path, browser.subscription(ends_at_ms)).json["device_id"]

    def devices(self, recipient):
        found = self.stack.expect(200, "recipients", "GET", recipient_path(recipient)).json["devices"]
        return [device["device_id"] for device in found]

    def send(self, to, title, body, headers=None, **more):
        """POSTs a notification and answers with it as it stands."""
        message = {"to": to, "content": {"title": title, "body": body}, **more}
        answer = self.stack.expect(202, "send", "POST", "/v1/notifications", message, **(headers or {}))
        if answer.json["id"] not in self.sent_ids:
            self.sent_ids.append(answer.json["id"])
        return answer

    def ended(self, notification):
        """The notification once it is final: at once as a rule, after the stream's cascade when the time was short."""
        found = {}

        def is_final():
            found.update(self.stack.expect(200, "send", "GET", f"/v1/notifications/{notification['id']}").json)
            return found["status"] in FINAL

        self.n.wait(is_final, 20, f"notification is still {notification['status']}")
        return found

    def reached(self, notification, channel):
        """Checks that it ended accepted on a channel, and says what was tried."""
        ended = self.ended(notification)
        tried = ", ".join(f"{one['channel']}: {one['outcome']}" for one in ended["attempts"])
        if (ended["status"], ended["channel"]) != ("accepted", channel):
            found = f"{ended['status']} ({ended['reason']})"
            raise NotSo(f"it should be accepted on {channel}; found {found} after {tried or 'no attempt'}")
        cost = f"{ended['cost_micros'] / 1_000_000:.4f} EUR"
        self.n.ok(f"{ended['status']} on {channel} by {ended['version']}: {tried}; it cost {cost}")
        return ended

    def registers_a_device(self):
        self.n.chapter("A recipient registers a device")
        key = self.stack.expect(200, None, "GET", "/v1/vapid-public-key").json["public_key"]
        self.n.equal(key, self.stack.vapid_public_key, "anybody can read the public key that browsers subscribe with")
        profile = {"email": EMAIL, "phone": PHONE, "locale": "it-IT"}
        self.stack.expect(201, "recipients", "PUT", recipient_path(ADA), profile)
        self.n.ok(f"{ADA} is known, with an e-mail address and a phone number")
        browser = self.push_service.subscribe()
        device = self.register(ADA, browser)
        self.n.equal(self.devices(ADA), [device], f"her browser's subscription is device {device}")
        return browser

    def is_pushed(self, browser):
        self.n.chapter("A send arrives at the push service")
        title, body = "Your parcel is here", "Collect it at the front desk, until 18:00 ✓"
        notification = self.send(ADA, title, body, ttl_seconds=3_600, urgency="high", topic="parcel-17").json
        ended = self.reached(notification, "push")
        self.n.equal(self.push_service.refusals, [], "the push service refused nothing")
        self.n.equal(len(browser.messages), 1, "one message arrived")
        arrived = browser.messages[0]
        self.n.equal((arrived.message["title"], arrived.message["body"]), (title, body),
                     f'the push service decrypted "{title}: {body}"')
        token, headers = arrived.token, arrived.headers
        self.n.ok(f"VAPID verified for {token['aud']}, signed for {token['sub']}, "
                  f"valid for {(token['exp'] - time.time()) / 3_600:.0f} h")
        self.n.check(0 < int(headers["TTL"]) <= 3_600 and headers["Urgency"] == "high" and len(headers["Topic"]) == 32,
                     f"TTL {headers['TTL']}, Urgency {headers['Urgency']}, Topic {headers['Topic']}")
        self.n.equal(arrived.message["id"], ended["id"], "it carries the notification's id")

    def is_sent_once(self, browser):
        self.n.chapter("The same request again is the same notification; a planned one can be called off")
        once = {"Idempotency_Key": "parcel-18"}
        first = self.send(ADA, "Once", "however often it is asked for", headers=once)
        again = self.send(ADA, "Once", "however often it is asked for", headers=once)
        self.n.equal((again.json["id"], again.headers["Idempotency-Replayed"]), (first.json["id"], "true"),
                     "the second answer is the first one's notification, marked as replayed")
        self.n.equal(len(browser.messages), 2, "and one message arrived, not two")
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3_600))
        planned = self.send(ADA, "Later", "in an hour", send_at=at).json
        self.n.equal((planned["status"], planned["attempts"]), ("scheduled", []), f"one for {at} is scheduled")
        cancelled = self.stack.expect(200, "send", "DELETE", f"/v1/notifications/{planned['id']}").json
        self.n.equal(cancelled["status"], "cancelled", "and cancelled before it went out")

    def falls_back_to_email(self, browser):
        self.n.chapter("The device goes away: the next send arrives as an e-mail")
        browser.is_gone = True
        self.n.tell("the push service answers 410 from now on")
        title, body = "Your parcel is still here", "It goes back tomorrow."
        ended = self.reached(self.send(ADA, title, body).json, "email")
        outcomes = [attempt["outcome"] for attempt in ended["attempts"]]
        self.n.equal(outcomes, ["gone", "accepted"], "push was tried first: gone")
        mails = self.stack.sent_mail(EMAIL)
        self.n.equal([mail["Subject"] for mail in mails], [title], f'SES took one e-mail to {EMAIL}: "{title}"')
        self.n.check(all(body in mails[0][part] for part in ("BodyText", "BodyHtml")), "with the text in both parts")
        self.n.equal(self.devices(ADA), [], "the device is gone")

    def falls_back_to_sms(self):
        self.n.chapter("Without an address, the next arrives as SMS")
        self.stack.expect(200, "recipients", "PUT", recipient_path(ADA), {"phone": PHONE, "locale": "it-IT"})
        self.n.tell(f"{ADA} now has a phone number and nothing else")
        title, body = "Last call", "Your parcel goes back at 18:00."
        self.reached(self.send(ADA, title, body).json, "sms")
        texts = [sms["Message"] for sms in self.stack.sent_sms(PHONE)]
        self.n.equal(texts, [f"{title}: {body}"], f'SNS took one SMS to {PHONE}: "{title}: {body}"')
        self.n.equal(len(self.stack.sent_mail(EMAIL)), 1, "and no further e-mail went out")
