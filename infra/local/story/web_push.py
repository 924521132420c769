"""Checks of a push service on a request (RFC 8030, RFC 8292)."""

import base64
import json
import time

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from .narrator import CheckFailed

DAY_SECONDS = 24 * 3_600
LONGEST_TTL_SECONDS = 28 * DAY_SECONDS


def encode(data):
    """Encodes as base64url without padding, as web push requires."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def verified_vapid(authorization, origin, public_key):
    """Verifies a `vapid t=..., k=...` header (RFC 8292) and returns its claims."""
    scheme, _, rest = authorization.partition(" ")
    parts = dict(part.strip().split("=", 1) for part in rest.split(",") if "=" in part)
    if scheme.lower() != "vapid" or not {"t", "k"} <= parts.keys():
        raise CheckFailed("Authorization is not vapid t=..., k=...")
    if parts["k"] != public_key:
        raise CheckFailed("k is not the key that browsers subscribe with")
    signed, _, signature = parts["t"].rpartition(".")
    header, claims = (json.loads(decode(part)) for part in signed.split("."))
    if header.get("alg") != "ES256":
        raise CheckFailed(f"the token is signed with {header.get('alg')}, not ES256")
    _verify(signed, decode(signature), decode(parts["k"]))
    if claims.get("aud") != origin:
        raise CheckFailed(f"aud is {claims.get('aud')}, not {origin}")
    if not 0 < claims.get("exp", 0) - time.time() <= DAY_SECONDS:
        raise CheckFailed("exp is not within 24 hours from now")
    if not str(claims.get("sub", "")).startswith(("mailto:", "https:")):
        raise CheckFailed("sub is neither a mailto: nor an https: URL")
    return claims


def _verify(signed, signature, point):
    """Verifies an ES256 signature: r followed by s (RFC 7518 section 3.4)."""
    if len(signature) != 64:
        raise CheckFailed("the signature is not 64 bytes long")
    r_and_s = utils.encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    try:
        key.verify(r_and_s, signed.encode(), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise CheckFailed("the signature of the VAPID token is wrong") from None


def checked_headers(headers):
    """Checks the headers that the browser vendors' push services require (RFC 8030 section 5)."""
    if headers.get("Content-Encoding") != "aes128gcm":
        raise CheckFailed("Content-Encoding is not aes128gcm")
    if not 0 < int(headers.get("TTL", "0")) <= LONGEST_TTL_SECONDS:
        raise CheckFailed("TTL is not above 0 and at most 28 days")
    if headers.get("Urgency") not in ("very-low", "low", "normal", "high"):
        raise CheckFailed("Urgency is not very-low, low, normal or high")
    topic = headers.get("Topic", "")
    if not (topic.isascii() and topic.isalnum() and len(topic) <= 32):
        raise CheckFailed("Topic has more than 32 characters, or others than letters and digits")
