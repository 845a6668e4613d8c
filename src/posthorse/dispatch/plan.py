"""Plan: the answer to "what next?" for a handover group, with its reason; pure.

The plan looks at the candidates in the order of the route and takes the first that can carry the message, was not tried
in this round and is open now. It never picks a closed one, and for mail in doubt it never picks one that may already
hold a copy. It gives up only for what speaks of the mail, or of a part of it that is all that is left.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from posthorse.dispatch.retry import ALL_BAD_CAP_S, FAILED_BASE_S, FAILED_CAP_S, RETRY_CAP_S, retry_delay_s
from posthorse.mail.carriage import Carriage
from posthorse.mail.ids import ProviderName
from posthorse.mail.message import Message
from posthorse.mail.standing import Standing
from posthorse.mail.stream import RULES, SECOND
from posthorse.providers.port import Capability, Obstacle

CLOSED_RECHECK_S = 5.0
"""Mail that only waits for a standing to change is looked at again within this time, if that can be."""
MEET_S, MEET_CAP_S = 2, 256
"""Parts of a message that goes only whole meet so often, at first and at last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A provider of the route as it is now."""

    name: ProviderName
    capability: Capability
    standing: Standing
    obstacle: Obstacle | None = None
    """Why it can never carry this group, as a survey found; None: nothing speaks against it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """What the plan must know of a handover group."""

    message: Message
    base: Carriage
    """Where it was leased from: queued, or in doubt."""
    tried: tuple[ProviderName, ...]
    attempts: int
    holders: tuple[ProviderName, ...] = ()
    """Providers where a copy may be; among `tried` in every round."""
    due_at: int = 0
    """When its last attempt ended, or what it waited for came, microseconds UTC; 0: just now."""
    others: int = 0
    """Recipients of the message beside these whose duty has not ended: the group may yet be made whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """Attempt at this provider now."""

    provider: ProviderName
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Give the lease back; look again at `until`."""

    until: int
    """Microseconds UTC."""
    tried: tuple[ProviderName, ...]
    """No more than the holders of copies: a new round over all other candidates begins."""
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp:
    """No provider of its route can ever carry it: duty ends as rejected."""

    reason: str


Plan = Try | Wait | GiveUp


def _obstacle(message: Message, candidate: Candidate) -> Obstacle | None:
    """Why this way out can never carry the group; None: it can."""
    capability = candidate.capability
    if message.size_bytes > capability.max_size_bytes:
        return Obstacle(why=f"{message.size_bytes} bytes are over its limit of {capability.max_size_bytes}")
    if message.smtputf8 and not capability.smtputf8:
        return Obstacle(why="it does not carry internationalised addresses")
    return candidate.obstacle


def make_plan(group: Group, candidates: Iterable[Candidate], now: int, roll: float) -> Plan:
    """Choose for a group at `now` (microseconds UTC); `roll` in [0, 1) decides ramp shares and jitter.

    `candidates` are drawn only as far as needed: usually the first one takes the message.
    """
    passed: list[str] = []
    width = incapable = partial = closed = 0
    pause_s = math.inf
    answered: list[Standing] = []
    spared: Candidate | None = None
    for candidate in candidates:
        width += 1
        standing = candidate.standing
        obstacle = _obstacle(group.message, candidate)
        if obstacle is not None:
            is_of_part = obstacle.of_part and group.others > 0
            partial += is_of_part
            incapable += not is_of_part
            passed.append(f"{candidate.name}: {obstacle.why}")
        elif candidate.name in group.tried:
            if candidate.name not in group.holders:
                answered.append(standing)
            passed.append(f"{candidate.name}: tried in this round")
        elif not standing.usable:
            closed += 1
            pause_s = min(pause_s, standing.pause_s)
            passed.append(f"{candidate.name}: {standing.state.value}, {standing.why}")
        elif roll >= standing.share:
            spared = spared or candidate
            passed.append(f"{candidate.name}: {standing.why}, gets {standing.share:.0%}")
        else:
            return Try(provider=candidate.name, reason=_reason("next in order", passed))
    if spared is not None:
        return Try(provider=spared.name, reason=_reason("nobody else is open", passed))
    if width and incapable == width and group.base is Carriage.QUEUED:
        return GiveUp(reason=_reason("no provider can carry it", passed))
    if partial and partial + incapable == width:
        return _wait_for_others(group, now, passed)
    cap_s = ALL_BAD_CAP_S if _nobody_is_open(answered) else FAILED_CAP_S
    wait = _wait(group, width, pause_s if closed else None, cap_s, now, roll, passed)
    return replace(wait, until=_meeting(group.message, now, wait.until, MEET_S)) if partial else wait


def _wait_for_others(group: Group, now: int, passed: list[str]) -> Wait:
    """Somebody could carry the whole message, but not this part of it: no verdict while the others may still come."""
    head = f"it goes only whole, and others of the message ({group.others}) have not come to their end"
    if group.base is not Carriage.QUEUED:
        head = f"in doubt, and {head}"
    until = _meeting(group.message, now, now, MEET_CAP_S)
    return Wait(until=until, tried=group.holders, reason=_reason(head, passed))


def _meeting(message: Message, now: int, earliest: int, most_s: int) -> int:
    """The next moment after `earliest` at which all parts of a message are due together, microseconds UTC.

    Such moments depend on nothing but the message and its age: parts that were separated find each other. They are up
    to `most_s` seconds apart, the older the message the further.
    """
    step_s = MEET_S
    while step_s < most_s and step_s * 8 * SECOND < now - message.accepted_at:
        step_s *= 2
    step = step_s * SECOND
    return message.accepted_at + ((earliest - message.accepted_at) // step + 1) * step


def _nobody_is_open(answered: list[Standing]) -> bool:
    """Those that were tried take only probes now, or nothing for a time that nobody can say."""
    if any(standing.usable and standing.probes is None for standing in answered):
        return False
    return any(not standing.pause_s for standing in answered)


def _wait(
    group: Group, width: int, pause_s: float | None, cap_s: float, now: int, roll: float, passed: list[str]
) -> Wait:
    """Look again soon if only a standing has to change, else begin a new round, by a schedule whose steps double.

    Whoever is `tried` spoke about itself, not about the mail (`judge`), so these steps are short: they must only keep a
    message that nobody can digest from coming again and again. The stream's own schedule is for the other side's sake.
    Time in which it was due and nobody was open counts.

    `pause_s`: no closed candidate can be open before that; None: nobody is closed. `cap_s`: longest step of the
    schedule now.
    """
    base_s = RULES[group.message.stream].retry_base_s
    doubted = group.base is not Carriage.QUEUED
    since = now
    if not width:
        delay_s = retry_delay_s(base_s, 0, roll)
        head, tried = "no route fits it", group.tried
    elif pause_s is not None and (doubted or not group.tried):
        delay_s = max(1.0, pause_s) + roll * max(CLOSED_RECHECK_S - 1.0, pause_s)
        head, tried = "no candidate is open", group.tried
    elif doubted and set(group.tried) == set(group.holders):
        delay_s = RETRY_CAP_S  # only people can change that
        head, tried = "nobody else could carry it", group.tried
    else:
        rounds = max(0, group.attempts // width - 1)
        delay_s = retry_delay_s(min(base_s, FAILED_BASE_S), rounds, roll, cap_s=cap_s)
        head, tried, since = "every open candidate was tried", group.holders, group.due_at or now
    if doubted:
        head = f"in doubt, and {head}"
    return Wait(until=max(now, since + int(delay_s * SECOND)), tried=tried, reason=_reason(head, passed))


def _reason(head: str, passed: list[str]) -> str:
    return f"{head} ({'; '.join(passed)})" if passed else head
