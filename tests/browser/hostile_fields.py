"""Fields that callers and recipients control: how each is written by the API, and the console's pages that show it.

A new field is one line of FIELDS. A field that takes no free text stands in REFUSED: the API must refuse every hostile
text in it, so that no page can have one. There are no tags, and no user agent of a device is stored.
"""

import dataclasses
import urllib.parse

# Runs something, ends an attribute or an element, and is evaluated, wherever it is not shown as text.
MARKUP = "\"'></title><script>ran(1)</script><img src=x onerror=ran(1)>{{ 7*7 }}{% for a in b %}"
# Turns around what stands after it, unless it is kept apart. Neither mark is ended.
DIRECTION = "left \u202eright \u2066turned"
CONTROL = "nul\0 bell\a back\b escape\x1b delete\x7f next\x85 mark\ufeff end"
KINDS = ("markup", "direction", "word", "control")
# Kinds that each field of free text takes; control characters are for some of them.
FREE = KINDS[:3]
PERSON, TYPE = "console-hostile", "CONSOLE_HOSTILE"


def hostile(kind, letters):
    """Text of a kind that fits into a number of letters."""
    return {"markup": MARKUP, "direction": DIRECTION, "control": CONTROL,
            "word": "W" * min(letters, 4_096)}[kind][:letters]


@dataclasses.dataclass(frozen=True)
class Field:
    """Field with free text. `request` takes a text and a name that differs for each field and kind of text. It returns
    scope, method, path and body. The pages may have `{id}` of the response, `{name}`, `{type}` and `{text}`."""

    name: str
    kinds: tuple
    letters: int
    request: object
    pages: tuple
    # False for what is stored, and no page shows.
    is_shown: bool = True


def quoted(text):
    return urllib.parse.quote(text, safe="")


def person(**profile):
    return lambda text, name: ("recipients", "PUT", f"/v1/recipients/{name}", with_text(profile, text))


def imported(text, name):
    """Recipient whose id is the text. In a path, a gateway takes an encoded slash for a plain one."""
    return "recipients", "POST", "/v1/recipients/batch", {"mode": "upsert", "items": [{"id": text}]}


def message(content=None, **more):
    """Notification with a text in its content, or beside it."""
    given = {} if "template" in more else {"content": {"title": "Title", "body": "Body", **(content or {})}}
    asked = {"to": PERSON, "channels": ["email"], **given, **more}
    return lambda text, name: ("send", "POST", "/v1/notifications", with_text(asked, text))


def kind(**changed):
    asked = {"title": "Title", "class": "marketing", "channels": ["email"], **changed}
    return lambda text, name: ("ops", "PUT", f"/v1/types/{type_name(name)}", with_text(asked, text))


def type_name(name):
    return name.upper().replace("-", "_")


def segment(**changed):
    asked = {"title": "Title", "filter": condition("attributes.plan", "gold"), **changed}
    return lambda text, name: ("ops", "PUT", f"/v1/segments/{name}", with_text(asked, text))


def condition(field, value):
    return {"all": [{"field": field, "op": "eq", "value": value}]}


def template(channel="sms", source=None, **changed):
    parts = {"en": {channel: {**PARTS[channel], **(source or {})}}}
    asked = {"title": "Title", "default_locale": "en", "variables": {}, "parts": parts, **changed}
    return lambda text, name: ("ops", "PUT", f"/v1/templates/{name}", with_text(asked, text))


def variable(name="name", **schema):
    return {"properties": {name: {"type": "string", **schema}}}


def campaign(content=None, **changed):
    given = {} if "variants" in changed else {"content": {"title": "Title", "body": "Body", **(content or {})}}
    asked = {"title": "Title", "type": TYPE, "filter": condition("attributes.plan", "nobody"), **given, **changed}
    return lambda text, name: ("ops", "POST", "/v1/campaigns", with_text(asked, text))


def ends_sessions(text, name):
    return "ops", "POST", "/v1/console/sessions/end", {"person": text}


def reasoned(text, name):
    """Change of the percentage, to another one for each kind of text."""
    return "ops", "PUT", "/v1/rollout", {"percentage": 50 + len(name), "reason": text}


def with_text(value, text):
    """Value in which every TEXT is replaced, in names as well."""
    if isinstance(value, dict):
        return {name.replace(TEXT, text): with_text(inner, text) for name, inner in value.items()}
    if isinstance(value, list):
        return [with_text(inner, text) for inner in value]
    return value.replace(TEXT, text) if isinstance(value, str) else value


TEXT = "@text@"
PARTS = {"push": {"title": "Title", "body": "Body"}, "sms": {"text": "Text"},
         "email": {"subject": "Subject", "text": "Text", "html": "<p>Text</p>"}}
URL = f"https://example.com/?q={TEXT}"
NOTIFICATION = ("notification?id={id}", "notification?id={id}&why=now")
RECIPIENT = ("recipient?id={name}",)
SEGMENT = ("segment?id={name}", f"recipient_segments?id={PERSON}", "segments")
CAMPAIGN = ("campaign?id={id}&step=audience", "campaign?id={id}&step=content")
LISTED = ("audit", "campaigns", "")


def texts_of(channel):
    return (f"template?name={{name}}&locale=en&channel={channel}",)


ABOUT = ("template?name={name}&view=about", "template?name={name}&locale=en&channel=sms")
FIELDS = (
    Field("id of a recipient", FREE, 128, imported,
          ("recipient?id={text}", "recipient_segments?id={text}", "send?to={text}")),
    Field("name of an attribute", KINDS, 3_900, person(attributes={TEXT: "value"}), RECIPIENT),
    Field("attribute", KINDS, 3_900, person(attributes={"plan": TEXT}), RECIPIENT),
    Field("attribute in a list", KINDS, 3_900, person(attributes={"plan": [{"of": [TEXT]}]}), RECIPIENT),
    Field("title", FREE, 200, message({"title": TEXT}), NOTIFICATION),
    Field("text", FREE, 3_900, message({"body": TEXT}), NOTIFICATION),
    Field("link", ("word",), 1_900, message({"url": URL}, channels=["push"]), NOTIFICATION),
    Field("data", KINDS, 3_500, message({"data": {TEXT: 1}}, channels=["push"]), NOTIFICATION, False),
    Field("button", FREE, 100, message({"actions": [{"action": "a", "title": TEXT}]}, channels=["push"]), NOTIFICATION),
    Field("action", FREE, 64, message({"actions": [{"action": TEXT, "title": "B"}]}, channels=["push"]), NOTIFICATION),
    Field("topic", FREE, 255, message(topic=TEXT), NOTIFICATION, False),
    Field("metadata", KINDS, 950, message(metadata={TEXT: 1}), NOTIFICATION, False),
    Field("variable of a template", FREE, 3_000, message(template={"name": PERSON}, variables={"name": TEXT}),
          NOTIFICATION),
    Field("title of a type", FREE, 100, kind(title=TEXT), ("type?name={type}", "types", "send", "campaign", "audit")),
    Field("title of a segment", FREE, 100, segment(title=TEXT), (*SEGMENT, "campaign", "audit")),
    Field("description of a segment", FREE, 500, segment(description=TEXT), SEGMENT[:1]),
    Field("value of a filter", FREE, 1_000, segment(filter=condition("attributes.plan", TEXT)), SEGMENT),
    Field("attribute of a filter", FREE, 64, segment(filter=condition(f"attributes.{TEXT}", "gold")), SEGMENT),
    Field("title of a template", FREE, 100, template(title=TEXT), (ABOUT[0], "templates", "send", "audit")),
    Field("push: title", FREE, 3_900, template("push", {"title": TEXT}), texts_of("push")),
    Field("push: text", FREE, 3_900, template("push", {"body": TEXT}), texts_of("push")),
    Field("push: link", FREE, 1_900, template("push", {"url": URL}), texts_of("push")),
    Field("push: button", FREE, 3_900, template("push", {"actions": [{"action": "a", "title": TEXT}]}),
          texts_of("push")),
    Field("e-mail: subject", FREE, 3_900, template("email", {"subject": TEXT}), texts_of("email")),
    Field("e-mail: preheader", FREE, 3_900, template("email", {"preheader": TEXT}), texts_of("email")),
    Field("e-mail: HTML", FREE, 3_900, template("email", {"html": f"<p>{TEXT}</p>"}), texts_of("email")),
    Field("e-mail: text", FREE, 3_900, template("email", {"text": TEXT}), texts_of("email")),
    Field("SMS", FREE, 3_900, template("sms", {"text": TEXT}), texts_of("sms")),
    Field("meaning of a variable", FREE, 900, template(variables=variable(description=TEXT)), ABOUT),
    Field("example of a variable", FREE, 900, template(variables=variable(example=TEXT)), ABOUT),
    Field("sample data", KINDS, 900, template(sample={"name": TEXT}), ABOUT[:1]),
    Field("title of a campaign", FREE, 100, campaign(title=TEXT), (*CAMPAIGN, *LISTED)),
    Field("title of a campaign's message", FREE, 200, campaign({"title": TEXT}), CAMPAIGN[1:]),
    Field("text of a campaign's message", FREE, 3_900, campaign({"body": TEXT}), CAMPAIGN[1:]),
    Field("value of a campaign's filter", FREE, 1_000, campaign(filter=condition("attributes.plan", TEXT)),
          CAMPAIGN[:1]),
    Field("person whose sessions end", FREE, 256, ends_sessions, ("audit",)),
    Field("reason of a change", FREE, 500, reasoned, ("rollout", "audit")),
)
# Fields that have a form of their own. No page can show a hostile text of them.
REFUSED = (
    ("locale", person(locale=TEXT)),
    ("time zone", person(time_zone=TEXT)),
    ("e-mail address", person(email=f"{TEXT}@example.com")),
    ("phone number", person(phone=TEXT)),
    ("opted out type", person(preferences={"opted_out_types": [TEXT]})),
    ("language", message({"lang": TEXT})),
    ("type of a message", message(type=TEXT)),
    ("channel", message(channels=[TEXT])),
    ("link without a scheme", message({"url": TEXT})),
    ("name of a type", lambda text, name: ("ops", "PUT", f"/v1/types/{quoted(text)}", kind()("", "")[3])),
    ("template of a type", kind(template=TEXT)),
    ("id of a segment", lambda text, name: ("ops", "PUT", f"/v1/segments/{quoted(text)}", segment()("", "")[3])),
    ("operator of a filter", segment(filter={"field": "locale", "op": TEXT, "value": "en"})),
    ("name of a template", lambda text, name: ("ops", "PUT", f"/v1/templates/{quoted(text)}", template()("", "")[3])),
    ("name of a variable", template(variables=variable(TEXT))),
    ("locale of a text", template(default_locale=TEXT, parts={TEXT: {"sms": PARTS["sms"]}})),
    ("type of a campaign", campaign(type=TEXT)),
    ("variant", campaign(variants=[{"name": TEXT, "weight_bp": 10_000}])),
    ("id of a cap", lambda text, name: ("ops", "PUT", "/v1/caps", {"rules": [{"id": text, "max": 1, "per": "day"}]})),
    ("percentage", lambda text, name: ("ops", "PUT", "/v1/rollout", {"percentage": text})),
)
# Addresses with a text in each parameter, as a link of somebody else may have it.
ADDRESSES = (
    "{text}", "search?q={text}", "recipient?id={text}", "recipient_segments?id={text}", "notification?id={text}",
    "message?id={text}", "notifications?status={text}", "notifications?after={text}", "campaign?id={text}",
    "campaign?step={text}", "campaigns?after={text}", "campaigns?state={text}", "template?name={text}",
    "segment?id={text}", "segment_count?id={text}",
    "template?name=payment-due&locale={text}&channel=sms", "template?name=payment-due&view={text}",
    "template?name=payment-due&view=versions&from={text}&to=1", "type?name={text}", "type?preset={text}",
    "audit?who={text}", "audit?kind={text}&after={text}", "audit?kind=type&subject={text}",
    "analytics?range={text}", "analytics?from={text}&to={text}",
    "analytics?range=7d&compare={text}&table={text}&series={text}", "settings?change={text}", "settings?revert={text}",
    "rollout?zone={text}", "?done={text}",
    "send?to={text}&title={text}&body={text}&url={text}&template={text}&version={text}&variables={text}&send_at={text}",
    "login?to={text}", "callback?error={text}&error_description={text}&state={text}",
)
