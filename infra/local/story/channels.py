"""Chapters in which one person is reached over the cheapest channel that works: push, then e-mail, then SMS."""

import time
import urllib.parse

from .narrator import CheckFailed

ADA, EMAIL, PHONE = "ada@work", "ada@example.com", "+393331234567"
FINAL = {"accepted", "delivered", "failed", "skipped", "cancelled", "expired", "uncertain"}


def recipient_path(recipient, rest=""):
    return f"/v1/recipients/{urllib.parse.quote(recipient, safe='')}{rest}"


class Channels:
    """Chapters about channels, with their narrator, stack and push service, and the ids of all notifications."""

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
        """Sends a notification and returns the response."""
        message = {"to": to, "content": {"title": title, "body": body}, **more}
        answer = self.stack.expect(202, "send", "POST", "/v1/notifications", message, **(headers or {}))
        if answer.json["id"] not in self.sent_ids:
            self.sent_ids.append(answer.json["id"])
        return answer

    def ended(self, notification):
        """Waits for a final state and returns the notification. Usually it is final at once, else cascade continues it."""
        found = {}

        def is_final():
            found.update(self.stack.expect(200, "send", "GET", f"/v1/notifications/{notification['id']}").json)
            return found["status"] in FINAL

        self.n.wait(is_final, 20, f"notification is still {notification['status']}")
        return found

    def reached(self, notification, channel):
        """Checks that a notification was accepted on a channel, and prints its attempts."""
        ended = self.ended(notification)
        tried = ", ".join(f"{one['channel']}: {one['outcome']}" for one in ended["attempts"])
        if (ended["status"], ended["channel"]) != ("accepted", channel):
            found = f"{ended['status']} ({ended['reason']})"
            raise CheckFailed(f"it should be accepted on {channel}; found {found} after {tried or 'no attempt'}")
        cost = f"{ended['cost_micros'] / 1_000_000:.4f} EUR"
        self.n.ok(f"{ended['status']} on {channel} by {ended['version']}: {tried}; cost: {cost}")
        return ended

    def registers_a_device(self):
        self.n.chapter("A recipient registers a device")
        key = self.stack.expect(200, None, "GET", "/v1/vapid-public-key").json["public_key"]
        self.n.equal(key, self.stack.vapid_public_key, "the public key for browsers is readable without a token")
        profile = {"email": EMAIL, "phone": PHONE, "locale": "it-IT"}
        self.stack.expect(201, "recipients", "PUT", recipient_path(ADA), profile)
        self.n.ok(f"{ADA} is registered with an e-mail address and a phone number")
        browser = self.push_service.subscribe()
        device = self.register(ADA, browser)
        self.n.equal(self.devices(ADA), [device], f"the browser's subscription is registered as device {device}")
        return browser

    def is_pushed(self, browser):
        self.n.chapter("A notification arrives at the push service")
        title, body = "Your parcel is here", "Collect it at the front desk, until 18:00 ✓"
        notification = self.send(ADA, title, body, ttl_seconds=3_600, urgency="high", topic="parcel-17").json
        ended = self.reached(notification, "push")
        self.n.equal(self.push_service.refusals, [], "the push service refused no request")
        self.n.equal(len(browser.messages), 1, "one message arrived")
        arrived = browser.messages[0]
        self.n.equal((arrived.message["title"], arrived.message["body"]), (title, body),
                     f'the push service decrypted "{title}: {body}"')
        token, headers = arrived.token, arrived.headers
        self.n.ok(f"the VAPID signature is valid: audience {token['aud']}, subject {token['sub']}, "
                  f"expires in {(token['exp'] - time.time()) / 3_600:.0f} h")
        self.n.check(0 < int(headers["TTL"]) <= 3_600 and headers["Urgency"] == "high" and len(headers["Topic"]) == 32,
                     f"headers: TTL {headers['TTL']}, Urgency {headers['Urgency']}, Topic {headers['Topic']}")
        self.n.equal(arrived.message["id"], ended["id"], "the message contains the notification's id")

    def is_sent_once(self, browser):
        self.n.chapter("A repeated request creates no second notification; a scheduled one can be cancelled")
        once = {"Idempotency_Key": "parcel-18"}
        first = self.send(ADA, "Once", "sent with an idempotency key", headers=once)
        again = self.send(ADA, "Once", "sent with an idempotency key", headers=once)
        self.n.equal((again.json["id"], again.headers["Idempotency-Replayed"]), (first.json["id"], "true"),
                     "the second response has the first notification's id and Idempotency-Replayed: true")
        self.n.equal(len(browser.messages), 2, "the two requests led to one message")
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3_600))
        planned = self.send(ADA, "Later", "in an hour", send_at=at).json
        self.n.equal((planned["status"], planned["attempts"]), ("scheduled", []), f"a notification is scheduled for {at}")
        cancelled = self.stack.expect(200, "send", "DELETE", f"/v1/notifications/{planned['id']}").json
        self.n.equal(cancelled["status"], "cancelled", "it is cancelled before it is sent")

    def falls_back_to_email(self, browser):
        self.n.chapter("The device is gone: the next notification arrives as an e-mail")
        browser.is_gone = True
        self.n.note("the push service now returns 410 Gone for the device")
        title, body = "Your parcel is still here", "It goes back tomorrow."
        ended = self.reached(self.send(ADA, title, body).json, "email")
        outcomes = [attempt["outcome"] for attempt in ended["attempts"]]
        self.n.equal(outcomes, ["gone", "accepted"], "push was tried first and failed")
        mails = self.stack.sent_mail(EMAIL)
        self.n.equal([mail["Subject"] for mail in mails], [title], f'SES accepted one e-mail to {EMAIL}: "{title}"')
        self.n.check(all(body in mails[0][part] for part in ("BodyText", "BodyHtml")), "its text and HTML parts have the text")
        self.n.equal(self.devices(ADA), [], "the device is removed from the recipient")

    def falls_back_to_sms(self):
        self.n.chapter("The recipient has no e-mail address: the next notification arrives as an SMS")
        self.stack.expect(200, "recipients", "PUT", recipient_path(ADA), {"phone": PHONE, "locale": "it-IT"})
        self.n.note(f"{ADA} now has a phone number, but no device and no e-mail address")
        title, body = "Last call", "Your parcel goes back at 18:00."
        self.reached(self.send(ADA, title, body).json, "sms")
        texts = [sms["Message"] for sms in self.stack.sent_sms(PHONE)]
        self.n.equal(texts, [f"{title}: {body}"], f'SNS accepted one SMS to {PHONE}: "{title}: {body}"')
        self.n.equal(len(self.stack.sent_mail(EMAIL)), 1, "no further e-mail was sent")
