"""What `posthorse classify` works with: rules from files, recorded traffic in pages, the gateway's own reading.

Recorded traffic comes from the running gateway, or from the spool if none runs; studying it is done here, in the
command's own process.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import assert_never

from posthorse.accept.classify import Classified, Classifier, ClassifyRule, Facts
from posthorse.accept.control import read_controls
from posthorse.accept.headers import cut
from posthorse.accept.refusal import Refused
from posthorse.adapters.clock import SystemClock
from posthorse.cli.talk import carry_out
from posthorse.config.load import classify_rules, read_classify
from posthorse.control.classify_suggest import Suggestion, suggested
from posthorse.control.classify_trial import Trial, tried
from posthorse.control.node import NotDone
from posthorse.control.replies import RecordedMail
from posthorse.control.requests import RecordedTraffic
from posthorse.daemon.wiring import classify_rule

PAGE = 500


class Place(Enum):
    """Where the rules of a file stand."""

    BEHIND = "behind"
    """The configured ones, as if they were pasted there."""
    BEFORE = "before"
    INSTEAD = "instead"
    """In the place of the configured ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Rules in the order in which they are asked."""

    rules: tuple[ClassifyRule, ...]
    order: str
    """Where they came from, for people."""


def asked_rules(config: Path, rules: Path | None, more: Sequence[str], place: Place = Place.BEHIND) -> Asked:
    """Those written out, then the configured ones, and those of a file in their place. Raises `ConfigProblems` and
    `NotDone`.
    """
    parts = [("those of --rule", [_written(text) for text in more])]
    configured = ("the configured rules", [classify_rule(each) for each in read_classify(config)])
    if rules is None or rules.resolve() == config.resolve():
        parts.append(configured)
    else:
        named = (f"those of {rules}", [classify_rule(each) for each in read_classify(rules)])
        match place:
            case Place.BEHIND:
                parts += [configured, named]
            case Place.BEFORE:
                parts += [named, configured]
            case Place.INSTEAD:
                parts.append((f"those of {rules} alone", named[1]))
            case _:
                assert_never(place)
    counted = ", then ".join(f"{name} ({len(found)})" for name, found in parts if found or name != parts[0][0])
    return Asked(rules=tuple(rule for _, found in parts for rule in found), order=counted)


def classified(rules: Sequence[ClassifyRule], content: bytes, *, sender: str, key: str) -> Classified:
    """The stream and what decided. Raises `NotDone` for a message that would be refused."""
    block = cut(_with_crlf(content))
    controls = block if isinstance(block, Refused) else read_controls(block.controls, SystemClock().now())
    if isinstance(block, Refused) or isinstance(controls, Refused):
        refused = block if isinstance(block, Refused) else controls
        assert isinstance(refused, Refused)
        raise NotDone(f"it would be refused: {refused.code} {refused.text}")
    facts = Facts(
        credential=key,
        configuration_set=controls.configuration_set,
        tags=controls.tags,
        sender=sender,
        subject=block.once.get(b"subject", b""),
    )
    return Classifier(rules).classify(facts, controls.stream)


def trial(config: Path, rules: Sequence[ClassifyRule], *, messages: int, tenant: str) -> Trial:
    """What these rules would have done over recorded traffic. Raises `NotDone` and `ConfigProblems`."""
    return tried(recorded(config, messages=messages, tenant=tenant), rules)


def suggestion(config: Path, *, messages: int, tenant: str) -> Suggestion:
    """What recorded traffic suggests beside the configured rules. Raises `NotDone` and `ConfigProblems`."""
    return suggested(recorded(config, messages=messages, tenant=tenant), asked_rules(config, None, []).rules)


def recorded(config: Path, *, messages: int, tenant: str) -> list[RecordedMail]:
    """The newest recorded messages, of one customer account or of all. Raises `NotDone` and `ConfigProblems`."""
    found: list[RecordedMail] = []
    left, before = messages, ""
    while left > 0:
        page = carry_out(config, RecordedTraffic(before=before, limit=min(PAGE, left)))
        found += [mail for mail in page.messages if tenant in ("", mail.tenant)]
        left, before = left - len(page.messages), page.before
        if not before:
            break
    return found


def _written(text: str) -> ClassifyRule:
    """One rule as TOML on one line, with its outer braces or without."""
    table = text.strip() if text.strip().startswith("{") else f"{{{text}}}"
    try:
        document = tomllib.loads(f"rule = {table}")
    except tomllib.TOMLDecodeError as error:
        raise NotDone(f"{text!r} is not TOML: {error}") from None
    return classify_rule(classify_rules([document["rule"]])[0])


def _with_crlf(content: bytes) -> bytes:
    """Files end their lines as they like; on the wire it is CRLF (RFC 5321 section 2.3.8)."""
    return content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
