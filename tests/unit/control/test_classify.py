"""Help with classification: what traffic suggests, and what rules would have done over it. Pure."""

import json
import re
import tomllib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthorse.accept.classify import ClassifyRule
from posthorse.cli.classify_print import _suggestion, as_toml
from posthorse.control.classify_leaning import BURST_MAILS, Leaning, leanings
from posthorse.control.classify_privacy import masked
from posthorse.control.classify_suggest import Suggestion, Sureness, suggested
from posthorse.control.classify_trial import tried
from posthorse.control.classify_words import WORDS, words_in
from posthorse.control.replies import RecordedMail
from posthorse.mail.stream import Stream

START = datetime(2026, 3, 1, tzinfo=UTC)
_NUMBERS = count()
SUBJECTS = json.loads((Path(__file__).resolve().parents[2] / "corpus" / "classify" / "subjects.json").read_text())


def mail(subject: str | None = "Hello", minute: float = 0, **fields: Any) -> RecordedMail:
    """One recorded message."""
    usual: dict[str, Any] = {
        "id": f"{next(_NUMBERS):032x}",
        "tenant": "main",
        "stream": "standard",
        "declared": "",
        "credential": "AKIAAPP",
        "configuration_set": "",
        "template": "",
        "tags": {},
        "sender": "app@shop.example",
        "recipients": 1,
        "accepted_at": (START + timedelta(minutes=minute)).isoformat(),
        "subject": subject,
        "marks": [],
    }
    return RecordedMail(**{**usual, **fields})


def mails(number: int, subject: str | None, **fields: Any) -> list[RecordedMail]:
    """Several alike, ten minutes apart."""
    return [mail(subject, minute=10 * n, **fields) for n in range(number)]


def shown(found: Suggestion) -> list[tuple[str, str, str]]:
    """Every proposal as (key, pattern, stream)."""
    return [
        (key, getattr(each.rule, key), each.rule.stream.value)
        for each in found.proposals
        for key in ("access_key", "configuration_set", "tag", "template", "sender", "subject")
        if getattr(each.rule, key)
    ]


# --- what one message leans to ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", SUBJECTS, ids=lambda row: ascii(row["subject"]))
def test_a_subject_in_many_languages(row: dict[str, str | None]) -> None:
    """Words lean one way; what contradicts itself, and words inside others, lean to nothing."""
    one = mail(row["subject"])
    stream = leanings([one])[one.id].stream
    assert (stream.value if stream else None) == row["leans_to"]


def test_every_word_finds_itself() -> None:
    """No word of the lists is hidden by its own pattern, and all are in lower case."""
    for stream, words in WORDS.items():
        for word in words:
            assert word == word.lower()
            assert stream in words_in(f"x {word} y"), word


@pytest.mark.parametrize(
    ("fields", "stream"),
    [
        ({"marks": ["list-unsubscribe"]}, Stream.BULK),
        ({"marks": ["precedence"]}, Stream.BULK),
        ({"recipients": 40}, Stream.BULK),
        ({"template": "password_reset"}, Stream.URGENT),
        ({"configuration_set": "newsletter-2026"}, Stream.BULK),
        ({"tags": {"kind": "invoice"}}, Stream.ONCE),
        ({"sender": "newsletter@shop.example"}, Stream.BULK),
        ({"sender": "newsletter@shop.example", "template": "otp"}, None),
        ({"template": "otp", "marks": ["list-unsubscribe"]}, None),
        ({}, None),
    ],
)
def test_names_marks_and_numbers_speak_too(fields: dict[str, Any], stream: Stream | None) -> None:
    """What people named, header fields of mail to many, and many recipients at once are signs."""
    one = mail("Hello", **fields)
    assert leanings([one])[one.id].stream is stream


@pytest.mark.thorough
def test_a_burst_confirms_that_mail_goes_to_many_and_says_nothing_alone() -> None:
    """A newsletter in one minute bears the sign; alarms or codes at once, and the same subject all day long, do not."""
    long = mails(500, "Quiet")
    campaign = [mail("Spring is here", minute=300, marks=["list-id"]) for _ in range(BURST_MAILS)]
    alarms = [mail("Disk of db1 is full", minute=200) for _ in range(BURST_MAILS)]
    codes = [mail("Your verification code: 1", minute=400) for _ in range(BURST_MAILS)]
    steady = [mail("Tick", minute=n, sender="tick@x.example") for n in range(5_000) for _ in range(BURST_MAILS)][:9_000]
    found = leanings([*long, *campaign, *alarms, *codes, *steady])
    assert {found[one.id] for one in campaign} == {
        Leaning(stream=Stream.BULK, signs=("marked as mail to many", "sent in bursts"))
    }
    assert {found[one.id] for one in alarms} == {Leaning(stream=None)}
    assert {found[one.id].stream for one in codes} == {Stream.URGENT}
    assert {found[one.id].stream for one in steady} == {None}


@pytest.mark.parametrize(
    ("subject", "hidden"),
    [
        ("Your code is 123456", "Your code is ######"),
        ("For ann@example.com only", "For <address> only"),
        ("a" * 100, "a" * 60),
        ("Card 4111111111111111", "Card ######"),
        ("@ 1", "@ #"),
        ("bounce+ann=example.net", "<address>"),
    ],
)
def test_what_is_alike_is_seen(subject: str, hidden: str) -> None:
    """Addresses and numbers are taken out before subjects are compared, and they are cut."""
    assert masked(subject) == hidden


PRIVATE = json.loads((Path(__file__).resolve().parents[2] / "corpus" / "classify" / "private.json").read_text())


@pytest.mark.parametrize("row", PRIVATE, ids=lambda row: row["what"])
def test_nothing_that_is_printed_names_anybody(row: dict[str, Any]) -> None:
    """Names, addresses and identities stand neither in rules nor in evidence; it can be printed, and reads back."""
    found = suggested([mail(minute=10 * n, **{"subject": "Hello", **row["fields"]}) for n in range(20)])
    text = "\n".join(_suggestion(found))
    assert found.proposals
    assert not [private for private in row["private"] if private in text]
    assert len(tomllib.loads(text.encode().decode())["classify"]) == len(found.proposals)


def test_the_stem_of_a_sender_that_varies_stands_for_all() -> None:
    """Senders that bear their recipient become one rule by what they have in common."""
    traffic = [
        mail("Your login code", minute=n, credential="", sender=f"bounce+u{n}=x.example@b.example") for n in range(60)
    ]
    traffic += mails(60, "Hello", credential="", sender="hello@b.example")
    assert shown(suggested(traffic))[0] == ("sender", "bounce+*@b.example", "urgent")


def test_values_that_vary_are_left_out() -> None:
    """A tag with another value for every few messages is proposed by its name, or not at all."""
    traffic = [one for n in range(30) for one in mails(6, "Last chance", credential="", tags={"ref": f"r{n}"})]
    assert shown(suggested(traffic))[0] == ("tag", "ref=*", "bulk")
    mixed_up = [
        one
        for n in range(30)
        for one in mails(
            6, "Last chance" if n % 2 else "Invoice", credential="", tags={"ref": f"r{chr(97 + n % 26)}{n}"}
        )
    ]
    assert not [pattern for key, pattern, _ in shown(suggested(mixed_up)) if key == "tag"]


def test_words_that_recur_are_shown() -> None:
    """What stands in most messages and in several subjects says nothing of one person; the rest is left out."""
    people = ["Ann Lee", "Bob Ray", "Cleo Poe", "Dan Fox", "Eve Orr", "Fay Kim"]
    found = suggested([mail(f"Acme shop: {who}, your login code is {n}", minute=n) for n, who in enumerate(people * 4)])
    assert found.proposals[0].examples == ("Acme shop: … your login code is ##", "Acme shop: … your login code is #")


@pytest.mark.parametrize("text", ["a" * 60_000, "a" * 60_000 + "@", "@" * 60_000, "=" * 60_000, "a." * 30_000 + "@"])
def test_long_subjects_are_read_in_no_time(text: str) -> None:
    """However long a run without a space is, a hundred of them take less than a second."""
    began = datetime.now(UTC)
    suggested(mails(100, f"{text} password"))
    assert datetime.now(UTC) - began < timedelta(seconds=1)


# --- what is suggested ------------------------------------------------------------------------------------------------


def mixed() -> list[RecordedMail]:
    """An application's mail of all kinds, unclassified."""
    return [
        *mails(60, "Reset your password", configuration_set="auth"),
        *mails(60, "Your login code is 123456", configuration_set="auth"),
        *mails(80, "Spring sale: 20% off", credential="AKIANEWS", sender="n@news.example", marks=["list-unsubscribe"]),
        *mails(30, "Rechnung Nr. 17"),
        *mails(100, "Your order has shipped"),
        *mails(40, "Hello"),
    ]


def test_mixed_traffic_gets_a_rule_for_each_kind() -> None:
    """Codes by their configuration set, the newsletter by its sender, invoices by a word; the rest stays as it is."""
    found = suggested(mixed())
    assert shown(found) == [
        ("configuration_set", "auth", "urgent"),
        ("sender", "n@news.example", "bulk"),
        ("subject", "*rechnung*", "once"),
    ]
    assert [each.sureness for each in found.proposals] == [Sureness.HIGH, Sureness.HIGH, Sureness.MEDIUM]
    assert (found.messages, found.undecided, found.left) == (370, 370, 140)
    urgent = found.proposals[0]
    assert urgent.examples == ("Reset your password", "Your login code is ######")
    assert dict(urgent.signs)["one recipient"] == 120


def test_what_is_suggested_does_what_it_says() -> None:
    """Tried over the same traffic, each proposal decides exactly what it claims, and none is shadowed."""
    traffic = mixed()
    found = suggested(traffic)
    trial = tried(traffic, [each.rule for each in found.proposals])
    assert [each.decides for each in trial.rules] == [each.decides for each in found.proposals]
    assert trial.moves == 60 + 60 + 80 + 30
    assert not any(each.is_shadowed for each in trial.rules)
    assert not suggested(traffic, [each.rule for each in found.proposals]).proposals


def test_what_is_decided_is_left_alone() -> None:
    """Mail that the client or a rule gave a stream is only counted."""
    traffic = [
        *mails(20, "Reset your password", declared="urgent", stream="urgent"),
        *mails(20, "Reset your password", tags={"posthorse:stream": "urgent"}, stream="urgent"),
        *mails(20, "The weekly digest", stream="bulk"),
    ]
    found = suggested(traffic, [ClassifyRule(stream=Stream.BULK, subject="*digest*")])
    assert (found.declared, found.ruled, found.undecided, found.proposals) == (40, 20, 0, ())
    assert "nothing to propose" in "\n".join(_suggestion(found))


def test_no_traffic() -> None:
    """An empty spool is said to be one."""
    assert "no recorded traffic" in "\n".join(_suggestion(suggested([])))


def test_a_few_messages_or_mixed_ones_make_no_rule() -> None:
    """Below five messages, or with a tenth of them otherwise, nothing is proposed for a group."""
    assert not suggested(mails(4, "Reset your password", template="x")).proposals
    half = [*mails(50, "Reset your password", template="mail"), *mails(50, "Weekly digest", template="mail")]
    assert all(not each.rule.template for each in suggested(half).proposals)


def test_what_a_broad_rule_would_drag_along_keeps_it_out() -> None:
    """A sender of mostly codes is no urgent sender: its invoices, and what is left when the codes have their rule."""
    traffic = [*mails(900, "Your login code", template="code"), *mails(30, "Invoice 7"), *mails(30, "Hello")]
    assert shown(suggested(traffic)) == [("template", "code", "urgent"), ("subject", "*invoice*", "once")]
    neutral = [*mails(900, "Your login code", template="code"), *mails(30, "Hello")]
    assert shown(suggested(neutral)) == [("template", "code", "urgent")]


def test_a_tag_with_many_values_becomes_one_rule() -> None:
    """If every value of a tag leans the same way, its name alone is proposed; a single value as it is."""
    many = [one for n in range(6) for one in mails(10, "Last chance", tags={"campaign": f"c{n}"})]
    assert shown(suggested(many))[0] == ("tag", "campaign=*", "bulk")
    assert shown(suggested(mails(10, "Last chance", tags={"campaign": "c"})))[0] == ("tag", "campaign=c", "bulk")


def test_subjects_that_are_gone() -> None:
    """Names still speak for mail whose body retention dropped."""
    found = suggested(mails(20, None, template="password-reset"))
    assert shown(found) == [("template", "password-reset", "urgent")]
    assert found.without_subject == 20
    assert found.proposals[0].examples == ()


@given(
    st.lists(
        st.builds(
            lambda subject, name, sender: mail(subject, configuration_set=name, sender=sender),
            st.text(max_size=30) | st.sampled_from(["Reset your password", 'a "quoted" \\ code\n', "Newsletter"]),
            st.sampled_from(["", 'quo"ted', "back\\slash", "new\nline", "sta*r", "ünï"]),
            st.sampled_from(["a@x.example", '"odd\\"@x.example', ""]),
        ),
        max_size=60,
    )
)
def test_whatever_is_in_the_mail_the_print_is_toml(traffic: Sequence[RecordedMail]) -> None:
    """What is printed reads back as exactly the rules proposed, in their order; those of low sureness once a person
    takes their mark away.
    """
    found = suggested(traffic)
    text = "\n".join(_suggestion(found))
    sure = [each.rule for each in found.proposals if each.sureness is not Sureness.LOW]
    assert _read(text) == [_written(rule) for rule in sure]
    taken_up = re.sub(r"^# (?=\[\[classify\]\]$|match = |stream = )", "", text, flags=re.MULTILINE)
    assert _read(taken_up) == [_written(each.rule) for each in found.proposals]


def _read(text: str) -> list[tuple[dict[str, str], str]]:
    return [(rule["match"], rule["stream"]) for rule in tomllib.loads(text).get("classify", [])]


def _written(rule: ClassifyRule) -> tuple[dict[str, str], str]:
    keys = ("access_key", "configuration_set", "tag", "template", "sender", "subject")
    return {key: value for key in keys if (value := getattr(rule, key))}, rule.stream.value


@pytest.mark.thorough
def test_ten_thousand_messages_are_studied_soon() -> None:
    """The default and twice as much take a few seconds at most, with many names and words."""
    began = datetime.now(UTC)
    traffic = [
        mail(f"Subject {n % 977} reset your password", n / 10, template=f"t{n % 500}", tags={"user": str(n)})
        for n in range(10_000)
    ]
    assert suggested(traffic).proposals
    assert datetime.now(UTC) - began < timedelta(seconds=20)


# --- what rules would have done ---------------------------------------------------------------------------------------


def rule(stream: Stream, **patterns: str) -> ClassifyRule:
    """A rule."""
    return ClassifyRule(stream=stream, **patterns)


def test_before_and_after_and_what_moves() -> None:
    """Counts by stream, each message that moves with the rule that moves it, and none that the client named."""
    traffic = [
        *mails(3, "Reset your password"),
        *mails(2, "Hello", stream="bulk"),
        *mails(4, "Reset your password", declared="bulk", stream="bulk"),
    ]
    trial = tried(traffic, [rule(Stream.URGENT, subject="*password*")])
    assert trial.before == {Stream.STANDARD: 3, Stream.BULK: 6}
    assert trial.after == {Stream.URGENT: 3, Stream.STANDARD: 2, Stream.BULK: 4}
    assert (trial.moves, trial.declared, trial.unsure) == (5, 4, 0)
    assert [(one.id, one.new, one.rule) for one in trial.moved] == [
        *((one.id, Stream.URGENT, 1) for one in traffic[:3]),
        *((one.id, Stream.STANDARD, None) for one in traffic[3:5]),
    ]


def test_rules_that_do_nothing_are_found() -> None:
    """One that never fits, and one that others always come before, with who they are."""
    traffic = [*mails(5, "Reset your password", template="a"), *mails(2, "Weekly digest")]
    rules = [
        rule(Stream.URGENT, subject="*password*"),
        rule(Stream.BULK, template="a"),
        rule(Stream.BULK, sender="*@nowhere.example"),
        rule(Stream.BULK, subject="*digest*"),
    ]
    trial = tried(traffic, rules)
    assert [(each.matches, each.decides) for each in trial.rules] == [(5, 5), (5, 0), (0, 0), (2, 2)]
    assert [each.is_shadowed for each in trial.rules] == [False, True, False, False]
    assert trial.rules[1].shadowed_by == {1: 5}


def test_an_unknown_subject_is_unsure_only_where_it_matters() -> None:
    """A rule about the subject leaves open what it would say; one before it, or one that cannot fit, does not."""
    traffic = [*mails(2, None, template="known"), *mails(3, None), *mails(4, None, sender="x@other.example")]
    rules = [
        rule(Stream.BULK, template="known"),
        rule(Stream.URGENT, subject="*password*", sender="*@shop.example"),
    ]
    trial = tried(traffic, rules)
    assert (trial.unsure, trial.moves) == (3, 2)
    assert trial.after == {Stream.BULK: 2, Stream.STANDARD: 7}


def test_no_rules_and_no_traffic() -> None:
    """Without rules mail is what it is by default, and no traffic moves nothing."""
    assert tried([], []).moves == 0
    assert tried(mails(3, "x"), []).after == {Stream.STANDARD: 3}


def test_a_rule_as_it_stands_in_a_file() -> None:
    """Only what is given is written."""
    text = as_toml(rule(Stream.BULK, tag='a="b"', subject="*x*"))
    assert text.splitlines()[1] == 'match = { tag = "a=\\"b\\"", subject = "*x*" }'
