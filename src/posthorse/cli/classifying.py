"""What `posthorse classify` works with: rules from files, recorded traffic in pages, the gateway's own reading.

Recorded traffic comes from the running gateway, or from the spool if none runs; studying it is done here, in the
command's own process.
"""

import tomllib
from collections.abc import Sequence
from pathlib import Path

from posthorse.accept.classify import Classified, Classifier, ClassifyRule, Facts
from posthorse.accept.control import read_controls
from posthorse.accept.headers import cut
from posthorse.accept.refusal import Refused
from posthorse.adapters.clock import SystemClock
from posthorse.cli.talk import carry_out
from posthorse.config.entrance import ClassifySettings
from posthorse.config.load import classify_rules, read_classify
from posthorse.control.classify_suggest import Suggestion, suggested
from posthorse.control.classify_trial import Trial, tried
from posthorse.control.node import NotDone
from posthorse.control.replies import RecordedMail
from posthorse.control.requests import RecordedTraffic

PAGE = 500


def candidate_rules(config: Path, rules: Path | None, more: Sequence[str]) -> list[ClassifyRule]:
    """The rules to ask: those of one file (the configuration, or another), behind those written out. Raises
    `ConfigProblems` and `NotDone`.
    """
    written = [_written(text) for text in more]
    return [*written, *map(_rule, read_classify(rules or config))]


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
    return suggested(recorded(config, messages=messages, tenant=tenant), candidate_rules(config, None, []))


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
    return _rule(classify_rules([document["rule"]])[0])


def _rule(settings: ClassifySettings) -> ClassifyRule:
    match = settings.match
    return ClassifyRule(
        stream=settings.stream,
        access_key=match.access_key,
        configuration_set=match.configuration_set,
        tag=match.tag,
        template=match.template,
        sender=match.sender,
        subject=match.subject,
    )


def _with_crlf(content: bytes) -> bytes:
    """Files end their lines as they like; on the wire it is CRLF (RFC 5321 section 2.3.8)."""
    return content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
