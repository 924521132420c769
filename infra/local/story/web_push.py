"""What a push service checks of a request before it takes it (RFC 8030, RFC 8292)."""

import base64
import json
import time

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from .narrator import NotSo

DAY_SECONDS = 24 * 3_600
LONGEST_TTL_SECONDS = 28 * DAY_SECONDS


def encode(data):
    """base64url without padding, as everything in web push is written."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def verified_vapid(authorization, origin, public_key):
    """The claims of a `vapid t=..., k=...` header (RFC 8292), or NotSo."""
    scheme, _, rest = authorization.partition(" ")
    parts = dict(part.strip().split("=", 1) for part in rest.split(",") if "=" in part)
    if scheme.lower() != "vapid" or not {"t", "k"} <= parts.keys():
        raise NotSo("Authorization is not vapid t=..., k=...")
    if parts["k"] != public_key:
        raise NotSo("k is not the key that browsers subscribe with")
    signed, _, signature = parts["t"].rpartition(".")
    header, claims = (json.loads(decode(part)) for part in signed.split("."))
    if header.get("alg") != "ES256":
        raise NotSo(f"the token is signed with {header.get('alg')}, not ES256")
    _verify(signed, decode(signature), decode(parts["k"]))
    if claims.get("aud") != origin:
        raise NotSo(f"aud is {claims.get('aud')}, not {origin}")
    if not 0 < claims.get("exp", 0) - time.time() <= DAY_SECONDS:
        raise NotSo("exp is not within 24 hours from now")
    if not str(claims.get("sub", "")).startswith(("mailto:", "https:")):
        raise NotSo("sub names nobody who could be reached")
    return claims


def _verify(signed, signature, point):
    """ES256: r and s one after the other (RFC 7518 section 3.4)."""
    if len(signature) != 64:
        raise NotSo("the signature is not 64 bytes long")
    r_and_s = utils.encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    try:
        key.verify(r_and_s, signed.encode(), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise NotSo("the signature of the VAPID token is wrong") from None


def checked_headers(headers):
    """What the services of the browsers' makers insist on (RFC 8030 section 5)."""
    if headers.get("Content-Encoding") != "aes128gcm":
        raise NotSo("Content-Encoding is not aes128gcm")
    if not 0 < int(headers.get("TTL", "0")) <= LONGEST_TTL_SECONDS:
        raise NotSo("TTL is not above 0 and at most 28 days")
    if headers.get("Urgency") not in ("very-low", "low", "normal", "high"):
        raise NotSo("Urgency is none of the four")
    topic = headers.get("Topic", "")
    if not (topic.isascii() and topic.isalnum() and len(topic) <= 32):
        raise NotSo("Topic is not up to 32 letters and digits")
