"""Explain: a message's history and standing in plain words, each decision with its reason; pure."""

from collections.abc import Mapping, Sequence

from posthorse.control.wording import written_time
from posthorse.mail.carriage import Carriage, Cause
from posthorse.mail.event import EventKind
from posthorse.spool.desk_port import Decision, RecipientView
from posthorse.spool.port import HistoryRow

Detail = Mapping[str, str | int | float | bool | None]

_NEW: dict[Carriage, str] = {
    Carriage.QUEUED: "waits for its next attempt",
    Carriage.LEASED: "a courier took it up",
    Carriage.RELEASED: "released: the last bytes may be out",
    Carriage.IN_DOUBT: "in doubt: it may have arrived, and nothing proves it",
    Carriage.HANDED_OVER: "handed over: the provider took responsibility",
    Carriage.REJECTED: "rejected for good",
    Carriage.EXPIRED: "expired: its deadline passed while nothing was out",
    Carriage.CANCELLED: "cancelled",
    Carriage.SUPERSEDED: "superseded by a newer message with its key",
    Carriage.SUPPRESSED: "suppressed: the address must not be mailed",
}

_CAUSE: dict[Cause, str] = {
    Cause.LEASE: "",
    Cause.RELEASE: "",
    Cause.ANSWER: "",
    Cause.RETURN: "the lease was given back",
    Cause.LAPSE: "the lease ran out: its courier died, hung or was cut off",
    Cause.LATE_ANSWER: "a late answer settled it",
    Cause.EVENT: "the provider told of it, so it has it",
    Cause.EXPIRY: "",
    Cause.CANCEL: "a person or the client withdrew it",
    Cause.SUPERSEDE: "",
    Cause.SUPPRESS: "",
    Cause.DECISION: "a person decided",
    Cause.RESTORE: "the spool was restored from a backup, so what was sent after it is not known",
    Cause.RESCUE: "delivery was not confirmed, so it goes out again elsewhere",
    Cause.REROUTE: "one provider's addresses were refused by policy, so it goes out again elsewhere",
}

_DECISION: dict[str, str] = {
    Decision.CANCEL.value: "cancel it",
    Decision.WITHDRAW.value: "take it back, as far as it is not out",
    Decision.RETRY_NOW.value: "try now, with all providers again",
    Decision.ANOTHER_COPY.value: "send another copy, knowing that it may arrive twice",
    Decision.WAS_HANDED_OVER.value: "take it as handed over",
    Decision.WAS_NOT_SENT.value: "take it as never sent",
    "unhold": "lift the hold",
}

_EVENT: dict[str, str] = {
    EventKind.TAKEN.value: "it works on it",
    EventKind.DEFERRED.value: "the receiving server put it off, and it tries on",
    EventKind.DELIVERED.value: "the receiving server took it",
    EventKind.SOFT_BOUNCED.value: "the receiving server refused it, for a reason that may pass",
    EventKind.HARD_BOUNCED.value: "the receiving server refused it for good",
    EventKind.DROPPED.value: "it will not send it",
    EventKind.COMPLAINED.value: "a person called it spam",
    EventKind.OPENED.value: "it was opened",
    EventKind.CLICKED.value: "a link in it was followed",
    EventKind.UNSUBSCRIBED.value: "the person does not want such mail",
}

_REFUSED: dict[str, str] = {
    "stale": "somebody else had moved it",
    "budget": "its duplicate budget is spent",
    "suppressed": "the address is suppressed",
    "withdrawn": "it was withdrawn",
    "expired": "its deadline had passed",
    "held": "it is on hold",
}


def words(row: HistoryRow) -> str:
    """One fact of the history as a sentence."""
    match row.kind:
        case "accepted":
            count = row.detail.get("recipients", 1)
            return f"accepted for {count} recipient{'' if count == 1 else 's'}"
        case "decided":
            return _decided(row)
        case "late_answer":
            return _joined(f"late answer of {row.provider or 'a provider'}", _answer(row.detail), _state(row))
        case "after_event":
            answer = _answer(row.detail)
            return _joined(f"answer of {row.provider or 'a provider'}, which had told of the mail before", answer)
        case "event":
            return _joined(f"{row.provider or 'a provider'} told: {_told(row.detail)}", _state(row), _said(row.detail))
        case "duplicate":
            second = f"{row.provider or 'a provider'} took it too: a second copy is out"
            return _joined(second, _answer(row.detail), _state(row))
        case "fate":
            return f"its fate is {row.detail.get('new')}; it was {row.detail.get('old')}"
        case "renewed":
            return "the attempt takes long, and its lease was extended"
        case "tried":
            return _joined(f"tried {row.provider or 'a provider'}", _answer(row.detail), _reason(row))
        case _:
            return _moved(row)


def standing(view: RecipientView, not_confirmed: bool = False) -> str:
    """How a recipient stands now, and what happens next; `not_confirmed`: its provider should have told by now."""
    text = f"{view.n}: {_NEW[view.carriage]}"
    match view.carriage:
        case Carriage.QUEUED:
            return f"{text}{_waiting(view)}"
        case Carriage.IN_DOUBT if view.withdrawn:
            return f"{text}; withdrawn ({view.withdrawn}), so no further copy goes out"
        case Carriage.IN_DOUBT if view.copies_released >= view.copies_allowed:
            spent = f"{view.copies_released} of {view.copies_allowed}"
            return (
                f"{text}; its duplicate budget is spent (copies: {spent}), so only an event, a late answer or a person "
                "settles it: `posthorse queue decide`"
            )
        case Carriage.IN_DOUBT:
            return f"{text}; {_second_copy(view)}"
        case Carriage.LEASED:
            return f"{text}; an attempt is under way"
        case Carriage.RELEASED:
            until = f" until {written_time(view.lease_until)}" if view.lease_until else ""
            return f"{text}; the answer of {view.provider or 'the provider'} is waited for{until}"
        case Carriage.HANDED_OVER:
            silent = "; not confirmed: it has not told in time what became of it" if not_confirmed else ""
            return f"{text} ({view.provider}); fate {view.fate.value}{silent}" if view.provider else text
        case _:
            return text


def standing_since(view: RecipientView, rows: Sequence[HistoryRow]) -> str:
    """As `standing`, with why it was rejected, since when it stands so, who ordered it, and what superseded it.

    `rows` are the history of its message; what they do not tell is left out.
    """
    own = [row for row in rows if row.n == view.n]
    came = next((row for row in reversed(own) if row.new is view.carriage), None)
    by = came.detail.get("by") if came else None
    newer = next((row.detail["by_message"] for row in own if row.detail.get("by_message")), None)
    return _joined(
        standing(view),
        _why_rejected(came) if came and view.carriage is Carriage.REJECTED else "",
        f"since {written_time(came.at)}" if came else "",
        f"by order of {by}" if by else "",
        f"newer message: {newer}" if newer else "",
    )


def _why_rejected(row: HistoryRow) -> str:
    """Whose words ended it; without a provider, why nobody was asked."""
    return _ended(row, _answer(row.detail)) or (_reason(row) if "reason" in row.detail else "")


def _second_copy(view: RecipientView) -> str:
    """What becomes of mail in doubt whose duplicate budget has room: who could carry it is known when it is due."""
    if view.hold:
        return f"no further copy goes out while it is{_on_hold(view).removeprefix(';')}"
    if view.next_at is None or view.next_at >= view.message.expires_at:
        return "no further copy goes out by itself, so only an event, a late answer or a person settles it"
    return (
        f"from {written_time(view.next_at)} on a second copy may go to a provider that has none; where none can carry "
        f"it, it stays in doubt, and after {written_time(view.message.expires_at)} no copy goes out"
    )


def _waiting(view: RecipientView) -> str:
    if view.withdrawn:
        return f"; withdrawn ({view.withdrawn}), it ends when it is next touched"
    tried = f"; tried so far: {', '.join(view.tried)}" if view.tried else ""
    return f"{tried}{_on_hold(view)}"


def _on_hold(view: RecipientView) -> str:
    return f"; on hold {view.hold}, `posthorse queue unhold {view.hold}` lets it go on" if view.hold else ""


def _moved(row: HistoryRow) -> str:
    refused, by = row.detail.get("refused"), row.detail.get("by")
    if refused is not None:
        return _joined(f"not released: {_REFUSED.get(str(refused), str(refused))}", _state(row))
    answer = _answer(row.detail)
    return _joined(
        _ended(row, answer),
        _state(row),
        _CAUSE[row.cause] if row.cause else "",
        _reason(row),
        f"by order of {by}" if by else "",
        f"newer message: {row.detail['by_message']}" if row.detail.get("by_message") else "",
    )


def _ended(row: HistoryRow, answer: str) -> str:
    """Only who gave an answer answered: without a provider nobody was asked, and a lost connection says nothing."""
    if not answer or not row.provider:
        return ""
    answered = row.detail.get("code") or row.detail.get("outcome") == "handover"
    return f"{row.provider} answered {answer}" if answered else f"the attempt at {row.provider} ended: {answer}"


def _decided(row: HistoryRow) -> str:
    decision, by = str(row.detail.get("decision", "")), row.detail.get("by", "")
    what = _DECISION.get(decision, decision)
    if decision == "hold":
        what = f"hold it: {row.detail.get('why', '')}"
    return _joined(f"{by or 'a person'} decided: {what}", _state(row))


def _state(row: HistoryRow) -> str:
    match row.new:
        case None:
            return ""
        case Carriage.RELEASED if row.provider:
            return f"released to {row.provider}: the last bytes may be out"
        case Carriage.QUEUED if row.old is not None:
            return "back in the queue"
        case new:
            return _NEW[new]


def _answer(detail: Detail) -> str:
    """An outcome with what the other side said."""
    outcome = detail.get("outcome")
    if outcome is None:
        return ""
    reply = " ".join(str(detail[name]) for name in ("code", "enhanced", "text") if detail.get(name))
    about = str(detail.get("scope") or "").replace("_", " ")
    scope = f" about {about if about == 'us' else f'the {about}'}" if about else ""
    return f"{outcome}{scope}" + (f' ("{reply}")' if reply else "")


def _reason(row: HistoryRow) -> str:
    if chosen := row.detail.get("chosen"):
        return f"{row.provider} was chosen: {chosen}"
    return f"because {row.detail['reason']}" if row.detail.get("reason") else ""


def _told(detail: Detail) -> str:
    return _EVENT.get(str(detail.get("event")), str(detail.get("event", "")))


def _said(detail: Detail) -> str:
    """The provider's own words about an event."""
    words = {name.removeprefix("said_"): value for name, value in detail.items() if name.startswith("said_")}
    return ", ".join(f"{name}: {value}" for name, value in words.items() if value)


def _joined(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
