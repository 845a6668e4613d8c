"""The decision to take responsibility: what is asked, in which order, and what is said when."""

import asyncio
from dataclasses import replace

import pytest

from posthorse.accept.admission import AdmissionPolicy
from posthorse.accept.classify import Classifier, ClassifyRule
from posthorse.accept.envelope import distinct, needs_smtputf8
from posthorse.accept.fingerprint import fingerprint
from posthorse.accept.load import Load, LoadLimits
from posthorse.accept.refusal import Accepted, RefusalKind, Refused
from posthorse.mail.ids import MAIN_TENANT, MessageId, Tenant
from posthorse.mail.message import Front, Submission
from posthorse.mail.stream import RULES, SECOND, Stream
from posthorse.spool.port import KeyConflict, Repeated, SpoolUnavailable
from tests.unit.accept.kit import ALICE, HEADERS, MAIL, House, house, submission

OWNED = AdmissionPolicy(domains={MAIN_TENANT: frozenset({"example.com"})})


def offer(home: House, given: Submission | None = None) -> Accepted | Refused:
    """The verdict about one submission."""
    return asyncio.run(home.admission.admit(given or submission()))


def refusal(home: House, given: Submission | None = None) -> Refused:
    """The refusal of one submission; checks that it was counted and nothing stored."""
    verdict = offer(home, given)
    assert isinstance(verdict, Refused), verdict
    assert home.observer.refused_all == [verdict]
    assert home.store.stored == []
    return verdict


def test_an_accepted_message_is_stored_as_prepared() -> None:
    """Everything the spool needs, and the receipt is the stored id."""
    home = house()
    verdict = offer(
        home, submission(b"X-SES-MESSAGE-TAGS: kind=welcome\r\n" + MAIL + b"\xe2\x82\xac\r\n", smtputf8=True)
    )
    (new,) = home.store.stored
    assert verdict == Accepted(id=new.id, stream=Stream.STANDARD)
    assert new.tenant == MAIN_TENANT
    assert (new.sender, new.recipients) == ("shop@example.com", ("ada@example.net",))
    assert new.body.endswith(MAIL + b"\xe2\x82\xac\r\n")
    assert f"X-Posthorse-Id: {new.id.hex()}\r\n".encode() in new.body
    assert new.deadline_us == 86_400 * SECOND
    assert (new.copies_allowed, new.smtputf8, new.eight_bit) == (2, False, True)
    assert new.attributes == {"front": "smtp", "credential": ALICE.credential, "tag:kind": "welcome"}
    assert new.fingerprint == b""
    assert home.observer.accepted_all == [(new, verdict, "default")]


@pytest.mark.parametrize("stream", Stream)
def test_each_stream_brings_its_rule(stream: Stream) -> None:
    """Deadline and duplicate budget follow the stream."""
    home = house()
    offer(home, submission(f"X-Posthorse-Stream: {stream.value}\r\n".encode() + MAIL))
    (new,) = home.store.stored
    assert new.stream is stream
    assert new.copies_allowed == RULES[stream].copies_allowed
    assert new.deadline_us == RULES[stream].deadline_s * SECOND


def test_a_declared_deadline_comes_before_the_streams() -> None:
    """It may be shorter or longer."""
    home = house()
    offer(home, submission(b"X-Posthorse-Stream: urgent\r\nX-Posthorse-Deadline: 2h\r\n" + MAIL))
    offer(home, submission(b"X-Posthorse-Stream: bulk\r\nX-Posthorse-Deadline: 30s\r\n" + MAIL))
    assert [new.deadline_us for new in home.store.stored] == [7_200 * SECOND, 30 * SECOND]


def test_a_configured_deadline_replaces_the_rules_own() -> None:
    """An operator may know better."""
    home = house(AdmissionPolicy(deadlines_s=dict.fromkeys(Stream, 60.0)))
    offer(home)
    assert home.store.stored[0].deadline_us == 60 * SECOND


def test_smtputf8_is_kept_only_where_it_is_needed() -> None:
    """A declaration alone closes no way out; an address or a header in UTF-8 does."""
    assert not needs_smtputf8(submission(MAIL + b"\xe2\x82\xac"))
    assert needs_smtputf8(submission(MAIL.replace(b"Hello", b"\xe2\x82\xac", 1)))
    assert needs_smtputf8(submission(sender="jörg@example.com"))
    assert needs_smtputf8(submission(recipients=("ada@example.net", "ada@bücher.example")))
    home = house()
    offer(home, submission(recipients=("ada@bücher.example",), smtputf8=True))
    assert home.store.stored[0].smtputf8


def test_repeated_recipients_are_stored_once() -> None:
    """In their first spelling and order; case does not make another mailbox."""
    assert distinct(("b@x.org", "A@x.org", "a@X.org", "b@x.org", "c@x.org")) == ("b@x.org", "A@x.org", "c@x.org")
    home = house()
    offer(home, submission(recipients=("ada@example.net", "ADA@example.net")))
    assert home.store.stored[0].recipients == ("ada@example.net",)


REFUSALS = [
    (AdmissionPolicy(), {"recipients": ()}, RefusalKind.RECIPIENTS, 554),
    (AdmissionPolicy(max_recipients=2), {"recipients": ("a@x.org", "b@x.org", "c@x.org")}, RefusalKind.RECIPIENTS, 452),
    (AdmissionPolicy(max_size_bytes=50), {}, RefusalKind.TOO_BIG, 552),
    (AdmissionPolicy(), {"content": b"nonsense"}, RefusalKind.MALFORMED, 554),
    (AdmissionPolicy(), {"content": b"X-Posthorse-Stream: fast\r\n" + MAIL}, RefusalKind.CONTROL, 554),
    (OWNED, {"sender": "shop@notexample.com"}, RefusalKind.SENDER_DOMAIN, 554),
    (OWNED, {"sender": "shop@com"}, RefusalKind.SENDER_DOMAIN, 554),
    (OWNED, {"sender": "shop@evil.example"}, RefusalKind.SENDER_DOMAIN, 554),
    (OWNED, {"content": MAIL.replace(b"example.com", b"evil.example")}, RefusalKind.SENDER_DOMAIN, 554),
    (OWNED, {"sender": "", "content": MAIL.replace(b"example.com", b"evil.example")}, RefusalKind.SENDER_DOMAIN, 554),
    (OWNED, {"content": b"From: shop@example.com <x@evil.example>\r\n\r\n"}, RefusalKind.MALFORMED, 554),
    (OWNED, {"content": b"From: a@example.com, b@evil.example\r\n\r\n"}, RefusalKind.SENDER_DOMAIN, 554),
    (OWNED, {"content": b"From: a@example.com\r\nSender: ceo@evil.example\r\n\r\n"}, RefusalKind.SENDER_DOMAIN, 554),
    (OWNED, {"content": b"From: a@example.com\r\nSender: who?\r\n\r\n"}, RefusalKind.MALFORMED, 554),
]


@pytest.mark.parametrize(("policy", "changes", "kind", "code"), REFUSALS, ids=range(len(REFUSALS)))
def test_what_is_not_taken_is_refused_with_its_code(
    policy: AdmissionPolicy, changes: dict[str, object], kind: RefusalKind, code: int
) -> None:
    """Temporary where trying later may help, final where it cannot."""
    refused = refusal(house(policy), submission(**changes))  # type: ignore[arg-type]
    assert (refused.kind, refused.code) == (kind, code)
    assert refused.enhanced[0] == str(code)[0]


def test_a_tenant_with_domains_sends_from_them_in_any_case() -> None:
    """From names below them, as with SES, and from the null sender, as answers do."""
    home = house(OWNED)
    for sender in ("shop@example.com", "SHOP@Example.COM", "a@news.eu.example.com", ""):
        assert isinstance(offer(home, submission(sender=sender)), Accepted)


def test_a_tenant_without_domains_sends_from_any() -> None:
    """Until domains are configured there is nothing to hold against it."""
    other = replace(ALICE, tenant=Tenant("other"))
    assert isinstance(offer(house(OWNED), submission(caller=other, sender="x@any.example")), Accepted)


def test_policy_is_replaced_while_running() -> None:
    """A reload counts from the next decision on."""
    home = house()
    home.admission.policy = AdmissionPolicy(max_size_bytes=10)
    assert refusal(home).kind is RefusalKind.TOO_BIG


STORE_FAILURES = [
    (SpoolUnavailable("fsync failed"), RefusalKind.SPOOL, 451, "4.3.0"),
    (SpoolUnavailable("no space", disk_full=True), RefusalKind.DISK_LOW, 452, "4.3.1"),
]


@pytest.mark.parametrize(("failure", "kind", "code", "enhanced"), STORE_FAILURES)
def test_no_receipt_when_the_spool_cannot_promise(
    failure: Exception, kind: RefusalKind, code: int, enhanced: str
) -> None:
    """Try later, with the code that says whether room is what is missing."""
    home = house()
    home.store.failure = failure
    refused = refusal(home)
    assert (refused.kind, refused.code, refused.enhanced) == (kind, code, enhanced)
    assert home.observer.accepted_all == []


def test_no_receipt_before_the_commit() -> None:
    """While the spool has not answered, neither have we."""

    async def watch() -> None:
        home = house()
        home.store.gate = asyncio.Event()
        task = asyncio.ensure_future(home.admission.admit(submission()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not task.done()
        assert home.observer.accepted_all == []
        home.store.gate.set()
        assert isinstance(await task, Accepted)

    asyncio.run(watch())


def test_a_repetition_gets_the_first_receipt() -> None:
    """Same key, same message: the same receipt, marked as repeated."""
    home = house()
    first = MessageId(b"f" * 16)
    home.store.result = lambda _: Repeated(id=first)
    verdict = offer(home, submission(b"X-Posthorse-Idempotency-Key: order-17\r\n" + MAIL))
    assert verdict == Accepted(id=first, stream=Stream.STANDARD, repeated=True)
    (new,) = home.store.stored
    assert new.idempotency_key == "order-17"
    assert len(new.fingerprint) == 16


def test_a_key_of_another_message_is_refused_for_good() -> None:
    """A client's mistake must not pass for a receipt."""
    home = house()
    home.store.result = lambda _: KeyConflict(id=MessageId(b"f" * 16))
    verdict = offer(home, submission(b"X-Posthorse-Idempotency-Key: order-17\r\n" + MAIL))
    assert isinstance(verdict, Refused)
    assert (verdict.kind, verdict.code) == (RefusalKind.KEY_CONFLICT, 554)
    assert home.observer.accepted_all == []


def rated(stream: bytes, **options: object) -> tuple[House, Submission]:
    """An admission that takes one message a second, and mail of a stream."""
    home = house(messages_per_s=1.0, **options)  # type: ignore[arg-type]
    return home, submission(b"X-Posthorse-Stream: " + stream + b"\r\n" + MAIL)


def test_a_credential_has_a_rate_with_bursts_of_ten_seconds() -> None:
    """In SES's words beyond it; another credential is not held back."""
    home, mail = rated(b"standard")
    assert all(isinstance(offer(home, mail), Accepted) for _ in range(10))
    refused = offer(home, mail)
    assert isinstance(refused, Refused)
    assert (refused.code, refused.text) == (454, "Throttling failure: Maximum sending rate exceeded.")
    assert isinstance(offer(home, replace(mail, caller=replace(ALICE, credential="other"))), Accepted)
    home.clock.advance(1.0)
    assert isinstance(offer(home, mail), Accepted)


def test_the_rate_is_changed_while_running() -> None:
    """A reload counts from the next message on."""
    home, mail = rated(b"standard")
    home.admission.limit_rate(0.1)
    assert isinstance(offer(home, mail), Accepted)
    assert isinstance(offer(home, mail), Refused)
    home.admission.limit_rate(None)
    assert isinstance(offer(home, mail), Accepted)


def test_urgent_mail_is_counted_and_never_refused_for_the_rate() -> None:
    """A newsletter under the same key waits; a password reset does not."""
    home, urgent = rated(b"urgent")
    assert all(isinstance(offer(home, urgent), Accepted) for _ in range(30))
    assert isinstance(offer(home, submission()), Refused)


def test_bulk_is_shed_before_the_others() -> None:
    """At half the backlog allowed."""
    home = house(AdmissionPolicy(load=LoadLimits(queued=100)))
    home.busy(Load(queued=60))
    bulk = submission(b"X-Posthorse-Stream: bulk\r\n" + MAIL)
    assert refusal(home, bulk).kind is RefusalKind.OVERLOAD
    assert isinstance(offer(home), Accepted)


def test_rules_give_an_unchanged_application_its_stream() -> None:
    """By subject, here; the observer hears what decided."""
    home = house(classifier=Classifier([ClassifyRule(stream=Stream.URGENT, subject="hello")]))
    offer(home)
    assert home.store.stored[0].stream is Stream.URGENT
    assert home.observer.accepted_all[0][2] == "rule 1: subject hello"


def sender(home: House, address: str = "shop@example.com", size: int = 0) -> RefusalKind | None:
    """The early answer to MAIL."""
    refused = home.admission.sender(ALICE, address, size)
    return refused.kind if refused else None


def test_early_stages_refuse_what_is_known_early() -> None:
    """Size and domain before the message is sent; every refusal is counted."""
    home = house(replace(OWNED, max_size_bytes=1_000))
    assert sender(home) is None
    assert sender(home, "") is None
    assert sender(home, size=1_001) is RefusalKind.TOO_BIG
    assert sender(home, "x@evil.example") is RefusalKind.SENDER_DOMAIN
    assert len(home.observer.refused_all) == 2


def test_early_shedding_knows_the_stream_from_the_credential_or_keeps_still() -> None:
    """Bulk by its key is refused at MAIL; what may be urgent is heard out."""
    bulk = Classifier([ClassifyRule(stream=Stream.BULK, access_key=ALICE.credential)])
    home = house(AdmissionPolicy(load=LoadLimits(queued=100)), classifier=bulk)
    home.busy(Load(queued=60))
    assert sender(home) is RefusalKind.OVERLOAD
    home.admission.classifier = Classifier()
    assert sender(home) is None


def test_early_rate_refusal_needs_a_known_stream_too() -> None:
    """A credential that may send urgent mail is never refused before its message is seen."""
    bulk = Classifier([ClassifyRule(stream=Stream.BULK, access_key="*")])
    home, mail = rated(b"bulk", classifier=bulk)
    for _ in range(10):
        offer(home, mail)
    assert sender(home) is RefusalKind.RATE
    home.admission.classifier = Classifier()
    assert sender(home) is None


def test_recipients_are_counted_early() -> None:
    """The thousand and first gets 452, the others stand."""
    home = house()
    assert home.admission.recipient(ALICE, 999) is None
    refused = home.admission.recipient(ALICE, 1_000)
    assert refused is not None
    assert (refused.code, refused.enhanced) == (452, "4.5.3")


def test_every_front_meets_the_same_decision() -> None:
    """Only the attribute tells the door."""
    home = house()
    for front in Front:
        offer(home, submission(front=front))
    assert [new.attributes["front"] for new in home.store.stored] == [front.value for front in Front]


def test_refusals_give_nothing_away() -> None:
    """No recipient, subject or content in what is logged."""
    home = house(OWNED)
    planted = HEADERS.replace(b"Hello", b"CANARY-SUBJECT").replace(b"ada@", b"canary@")
    for content in (
        b"X-Posthorse-Stream: CANARY\r\n" + planted + b"\r\n",
        planted + b"CANARY BODY\r\n\r\n",
        planted * 2,
    ):
        offer(home, submission(content, recipients=("canary@example.net",)))
    assert home.observer.refused_all
    assert not any("canary" in refused.text.lower() for refused in home.observer.refused_all)


def test_a_large_message_is_decided_alike() -> None:
    """With its fingerprint, though the work is done in turns."""
    home = house()
    large = submission(b"X-Posthorse-Idempotency-Key: k\r\n" + MAIL + b"x" * 76 * 20_000)
    assert isinstance(offer(home, large), Accepted)
    assert home.store.stored[0].fingerprint == fingerprint(large)
    home.store.failure = SpoolUnavailable("no")
    assert isinstance(offer(home, large), Refused)
