"""docs/smtp.md says what the code does."""

import re
from pathlib import Path

from posthorse.accept import headers
from posthorse.accept.headers import DUTIES, OPTION_PREFIXES, Duty
from posthorse.accept.login_throttle import PEER_BURST, PEER_EVERY_S, USER_BURST, USER_EVERY_S
from posthorse.accept.refusal import RefusalKind

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "smtp.md").read_text()
LOWER = PAGE.lower()


def test_every_reason_of_refusal_is_explained() -> None:
    """The table has each kind, and no other."""
    table = PAGE.split("## What is refused")[1]
    assert re.findall(r"^\| `(\w+)` \|", table, flags=re.MULTILINE) == [kind.value for kind in RefusalKind]


def test_every_control_header_is_explained() -> None:
    """The table has each header that is read, and no other."""
    table = PAGE.split("## Control headers")[1].split("## What is changed")[0]
    named = {name.lower().encode() for name in re.findall(r"^\| `([A-Za-z-]+)` \|", table, flags=re.MULTILINE)}
    assert named == {name for name, duty in DUTIES.items() if duty is Duty.CONTROL}


def test_every_removed_header_is_named() -> None:
    """One by one or by the beginning of its name."""
    dropped = [name.decode() for name, duty in DUTIES.items() if duty is Duty.DROP]
    assert [name for name in dropped if f"`{name}`" not in LOWER] == []
    assert [prefix for prefix in OPTION_PREFIXES if f"`{prefix.decode()}*`" not in LOWER] == []


def test_the_figures_are_the_codes() -> None:
    """Sizes and tries as written."""
    assert (headers.MAX_BLOCK_BYTES, headers.MAX_FIELDS, headers.MAX_FIELD_BYTES) == (128 << 10, 256, 16 << 10)
    assert (USER_BURST, USER_EVERY_S, PEER_BURST, PEER_EVERY_S) == (10, 30.0, 50, 10.0)
