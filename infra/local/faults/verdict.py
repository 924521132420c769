"""What became of every request of a case, counted where it can be seen: in the table, at SES and at SNS."""

import dataclasses

from .callers import Reply

OPEN = {"scheduled", "held", "sending", "cascading"}
# An answer must be well within the 30 s that API Gateway waits.
LONGEST_ANSWER_SECONDS = 27


@dataclasses.dataclass
class Verdict:
    """One line of the table."""

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
    complaints: list

    @property
    def holds(self):
        """Whether the case shows what is promised."""
        return not self.complaints


def is_settled(case, stored):
    """Whether every keyed request was taken and nothing of this case is open."""
    taken = all(request.accepted for request in case.requests if request.key)
    return taken and not any(_status(item) in OPEN for one in case.messages for item in stored[one.marker])


def judge(case, injected, recovered_seconds, still_refused, seen):
    """The line of a case that is over."""
    stored, mails, texts = seen
    fates = {one.marker: [_status(item) for item in stored[one.marker]] for one in case.messages}
    ends = [fate for all_of_it in fates.values() for fate in all_of_it]
    lost, repeated = _lost_ones(case, fates, mails, texts), _repeated_ones(case, mails, texts)
    replies = [*case.replies, *(reply for request in case.requests for reply in request.replies)]
    slowest = max(replies, key=lambda reply: reply.seconds)
    broken = [f"{reply.status} to {reply.route}" for reply in replies if not reply.is_promised]
    complaints = [*(f"lost: {one}" for one in lost), *(f"repeated: {one}" for one in repeated)]
    complaints += [f"answers that are no promise: {sorted(broken)}"] if broken else []
    complaints += [f"after the fault {reply.route} still answers {reply.status}" for reply in still_refused]
    complaints += ["the fault met no call"] if injected == 0 else []
    if slowest.seconds > LONGEST_ANSWER_SECONDS:
        complaints.append(f"{slowest.route} took {slowest.seconds:.1f} s")
    return Verdict(
        service=case.service, kind=case.kind, injected=injected, requests=len(replies),
        good=sum(200 <= reply.status < 300 for reply in replies),
        refused=sum(reply.is_promised and reply.status >= 300 for reply in replies), broken=len(broken),
        slowest=slowest, accepted=ends.count("accepted"), uncertain=ends.count("uncertain"), lost=len(lost),
        repeated=len(repeated), recovered_seconds=recovered_seconds, complaints=complaints)


def _lost_ones(case, fates, mails, texts):
    keyed = {one.marker for request in case.requests if request.key
             for one in getattr(request, "messages", [request])}
    reasons = ((one, _lost(one, fates[one.marker], one.marker in keyed, mails, texts)) for one in case.messages)
    return [f"{one.marker} ({one.channel}): {reason}" for one, reason in reasons if reason]


def _repeated_ones(case, mails, texts):
    paid = ((one, mails[one.marker] + texts[one.marker]) for one in case.messages)
    return [f"{one.marker} ({one.channel}): {calls} paid calls" for one, calls in paid if calls > 1]


def _lost(message, fates, is_keyed, mails, texts):
    """Why a message counts as lost; None when it does not."""
    wanted = is_keyed or message.accepted
    if len(fates) != 1 and (wanted or fates):
        return f"{len(fates)} notifications" + ("" if message.accepted else ", never accepted")
    if not fates:
        return None
    if fates[0] == "accepted":
        arrived = {"email": mails, "sms": texts}.get(message.channel)
        return "accepted, and nothing was sent" if arrived is not None and not arrived[message.marker] else None
    # Whoever paid may not know; nothing else may end without having reached the person.
    return None if fates[0] == "uncertain" and message.channel != "push" else f"ended {fates[0]}"


def _status(item):
    return item["status"]["S"]
