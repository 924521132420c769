"""Kinds of faults, their errors for each service, and the rules of microburst that inject them.

`ERRORS` has the error codes and statuses of the services' references. microburst formats them in the service's protocol,
so the SDK classifies them as on AWS.
"""

SERVICES = ("dynamodb", "ses", "sns", "ssm")

# (code, HTTP status, message) of each service.
ERRORS = {
    "throttling": {
        "dynamodb": ("ThrottlingException", 400, "Rate of requests exceeds the allowed throughput."),
        "ses": ("Throttling", 400, "Maximum sending rate exceeded."),
        "sns": ("Throttled", 429, "Rate exceeded."),
        "ssm": ("ThrottlingException", 400, "Rate exceeded"),
    },
    "server errors": {
        "dynamodb": ("InternalServerError", 500, "The request processing has failed."),
        "ses": ("InternalFailure", 500, "The request processing has failed."),
        "sns": ("InternalError", 500, "The request processing has failed."),
        "ssm": ("InternalServerError", 500, "An error occurred on the server side."),
    },
    "expired credentials": {
        "dynamodb": ("ExpiredTokenException", 400, "The security token included in the request is expired"),
        "ses": ("ExpiredToken", 403, "The security token included in the request is expired"),
        "sns": ("ExpiredToken", 403, "The security token included in the request is expired"),
        "ssm": ("ExpiredTokenException", 400, "The security token included in the request is expired"),
    },
}
# Shorter than the time-out of an attempt (2.5 s; 6 s for a paid call), but long enough to add up.
SLOW_MS = {"dynamodb": (600, 1_600), "ses": (2_000, 4_000), "sns": (2_000, 4_000), "ssm": (1_000, 2_000)}
# Longer than that time-out: the function stops waiting before the call is carried out.
LATE_MS = {"dynamodb": (2_700, 4_000), "ses": (6_300, 7_500), "sns": (6_300, 7_500), "ssm": (2_700, 4_000)}
# Longer than the time-out of every function.
SILENT_MS = 70_000

KINDS = {
    "throttling": "refused, not carried out",
    "server errors": "500, not carried out",
    "time-outs": "no answer, not carried out",
    "resets": "connection reset, not carried out",
    "lost answers": "carried out, connection cut before the answer",
    "slow answers": "carried out, answered late but in time",
    "late answers": "carried out after the function gave up",
    "expired credentials": "refused, not carried out",
}


def rule(kind, service, probability):
    """Rule of microburst that affects a share of the calls to a service."""
    return {"service": service, "probability": probability, **_effect(kind, service)}


def _effect(kind, service):
    if kind in ERRORS:
        code, status, message = ERRORS[kind][service]
        return {"error": {"code": code, "status": status, "message": message}}
    if kind == "time-outs":
        return {"timeout_ms": SILENT_MS}
    if kind == "resets":
        return {"reset": True}
    if kind == "lost answers":
        return {"response": {"abort_bytes": 0}}
    shortest, longest = (SLOW_MS if kind == "slow answers" else LATE_MS)[service]
    return {"latency": {"min": shortest, "max": longest}}
