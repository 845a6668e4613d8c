"""The page about the SES API says what the code does."""

import re
from pathlib import Path

from posthorse.accept.admission import AdmissionPolicy
from posthorse.accept.ses.account import Account
from posthorse.accept.ses.errors import Kind
from posthorse.accept.ses.operations import V1_ACTIONS, v2_operation
from posthorse.accept.ses.v1 import V1
from posthorse.accept.ses.v2 import V2
from posthorse.mail.ids import MAIN_TENANT
from tests.unit.accept.kit import house

PAGE = (Path(__file__).parents[4] / "docs/ses.md").read_text()


def account() -> Account:
    """Anybody's."""
    home = house()
    return Account(admission=home.admission, clock=home.clock)


def test_every_offered_operation_is_on_the_page() -> None:
    """And none that is not offered."""
    rows = re.findall(r"^\| `(\w+)` \| (yes)? ?\| (yes)? ?\|", PAGE, re.MULTILINE)
    v1, v2 = V1(account()), V2(account())
    assert {name for name, is_v1, _ in rows if is_v1} == {*v1._sending, *v1._asking}
    assert {name for name, _, is_v2 in rows if is_v2} == {*v2._offered, "SendEmail"}


def test_every_error_is_on_the_page() -> None:
    """With status and code of both versions."""
    rows = re.findall(r"\| (\d+) `(\w+)` \| (\d+) `(\w+)` \| (?:yes|no) \|", PAGE)
    told = {((int(one), first), (int(two), second)) for one, first, two, second in rows}
    assert told == {(kind.v1(), kind.v2()) for kind in Kind}


def test_an_identity_is_verified_exactly_if_its_mail_is_taken() -> None:
    """Without domains any is, and none is listed, as the page says; with them those of the tenant."""
    ours = account()
    assert (ours.identities(MAIN_TENANT), ours.verified(MAIN_TENANT, "a@any.example")) == ([], True)
    ours.admission.policy = AdmissionPolicy(domains={MAIN_TENANT: frozenset({"example.com"})})
    assert ours.identities(MAIN_TENANT) == ["example.com"]
    asked = ("example.com", "Ann@Example.com", "any.example", "a@any.example")
    assert [ours.verified(MAIN_TENANT, one) for one in asked] == [True, True, False, False]


def test_operations_are_known_by_name() -> None:
    """All of both models: 71 actions of v1, and of v2 by method and path, with a place for a name in it."""
    assert len(V1_ACTIONS) == 71
    assert v2_operation("POST", "outbound-emails") == "SendEmail"
    assert v2_operation("GET", "identities/a@example.com") == "GetEmailIdentity"
    assert v2_operation("GET", "identities") == "ListEmailIdentities"
    assert v2_operation("POST", "tenants/get") == "GetTenant"
    assert v2_operation("GET", "nothing") == v2_operation("PATCH", "outbound-emails") == ""
