"""Which stream a message would get: the gateway's own reading and rules, on a file."""

import os
from pathlib import Path

from posthorse.accept.classify import Classified, Classifier, ClassifyRule, Facts
from posthorse.accept.control import read_controls
from posthorse.accept.headers import cut
from posthorse.accept.refusal import Refused
from posthorse.adapters.clock import SystemClock
from posthorse.config import ClassifySettings, load_config
from posthorse.control.node import NotDone


def classified(config: Path, content: bytes, *, sender: str, key: str) -> Classified:
    """The stream and what decided. Raises `NotDone` for a message that would be refused."""
    classifier = Classifier(map(_rule, load_config(config, os.environ).classify))
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
    return classifier.classify(facts, controls.stream)


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
