"""Verdict on a case: compares its requests with the stored notifications and the messages at SES and SNS."""

import dataclasses

from .callers import Reply

OPEN = {"scheduled", "held", "sending", "cascading"}
# Below API Gateway's limit of 30 s, with a margin.
LONGEST_ANSWER_SECONDS = 27


@dataclasses.dataclass
class Verdict:
    """One row of the table."""

    service: str
    kind: str
    injected: int
    requests: int
    good: int
    refused: int
    broken: int
    slowest: Reply
    accepted: int
    uncertain: int
    lost: int
    repeated: int
    recovered_seconds: float
    problems: list

    @property
    def holds(self):
        """True if the case has no problem."""
        return not self.problems


def is_settled(case, stored):
    """Returns true if every request with a key was accepted and every notification of the case is final."""
    taken = all(request.accepted for request in case.requests if request.key)
    return taken and not any(_status(item) in OPEN for one in case.messages for item in stored[one.marker])


def judge(case, injected, recovered_seconds, still_refused, seen):
    """Returns the verdict on a finished case."""
    stored, mails, texts = seen
    fates = {one.marker: [_status(item) for item in stored[one.marker]] for one in case.messages}
    ends = [fate for all_of_it in fates.values() for fate in all_of_it]
    lost, repeated = _lost_ones(case, fates, mails, texts), _repeated_ones(case, mails, texts)
    replies = [*case.replies, *(reply for request in case.requests for reply in request.replies)]
    slowest = max(replies, key=lambda reply: reply.seconds)
    broken = [f"{reply.status} to {reply.route}" for reply in replies if not reply.is_allowed]
    problems = [*(f"lost: {one}" for one in lost), *(f"repeated: {one}" for one in repeated)]
    problems += [f"responses that are not allowed: {sorted(broken)}"] if broken else []
    problems += [f"after the fault {reply.route} still returns {reply.status}" for reply in still_refused]
    problems += ["the fault affected no call"] if injected == 0 else []
    if slowest.seconds > LONGEST_ANSWER_SECONDS:
        problems.append(f"{slowest.route} took {slowest.seconds:.1f} s")
    return Verdict(
        service=case.service, kind=case.kind, injected=injected, requests=len(replies),
        good=sum(200 <= reply.status < 300 for reply in replies),
        refused=sum(reply.is_allowed and reply.status >= 300 for reply in replies), broken=len(broken),
        slowest=slowest, accepted=ends.count("accepted"), uncertain=ends.count("uncertain"), lost=len(lost),
        repeated=len(repeated), recovered_seconds=recovered_seconds, problems=problems)


def _lost_ones(case, fates, mails, texts):
    keyed = {one.marker for request in case.requests if request.key
             for one in getattr(request, "messages", [request])}
    reasons = ((one, _lost(one, fates[one.marker], one.marker in keyed, mails, texts)) for one in case.messages)
    return [f"{one.marker} ({one.channel}): {reason}" for one, reason in reasons if reason]


def _repeated_ones(case, mails, texts):
    paid = ((one, mails[one.marker] + texts[one.marker]) for one in case.messages)
    return [f"{one.marker} ({one.channel}): {calls} paid calls" for one, calls in paid if calls > 1]


def _lost(message, fates, is_keyed, mails, texts):
    """Reason that a message counts as lost; None if it does not."""
    wanted = is_keyed or message.accepted
    if len(fates) != 1 and (wanted or fates):
        return f"{len(fates)} notifications" + ("" if message.accepted else ", never accepted")
    if not fates:
        return None
    if fates[0] == "accepted":
        arrived = {"email": mails, "sms": texts}.get(message.channel)
        return "accepted, but nothing was sent" if arrived is not None and not arrived[message.marker] else None
    # A paid call may end as uncertain. Every other message must be accepted.
    return None if fates[0] == "uncertain" and message.channel != "push" else f"ended {fates[0]}"


def _status(item):
    return item["status"]["S"]
