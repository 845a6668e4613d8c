"""Which stream a message belongs to, and why."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthorse.accept.classify import Classifier, ClassifyRule, Facts
from posthorse.mail.stream import Stream
from tests.effort import least_s

RULES = [
    ClassifyRule(stream=Stream.URGENT, subject="*password*"),
    ClassifyRule(stream=Stream.BULK, access_key="AKIANEWS*"),
    ClassifyRule(stream=Stream.ONCE, configuration_set="invoices", sender="*@billing.example.com"),
    ClassifyRule(stream=Stream.BULK, tag="campaign=spring-*"),
    ClassifyRule(stream=Stream.URGENT, tag="otp"),
    ClassifyRule(stream=Stream.ONCE, template="invoice-?"),
]
CLASSIFIER = Classifier(RULES)

CASES = [
    (Facts(), Stream.STANDARD, None),
    (Facts(subject=b" Your PASSWORD, please"), Stream.URGENT, 1),
    (Facts(subject=b" =?utf-8?B?UmVzZXQgeW91ciBwYXNzd29yZA==?="), Stream.URGENT, 1),
    (Facts(subject=b" =?iso-8859-1?Q?New_p=61ss?=\r\n =?iso-8859-1?Q?word?="), Stream.URGENT, 1),
    (Facts(credential="AKIANEWSLETTER", subject=b"password"), Stream.URGENT, 1),
    (Facts(credential="akianewsletter"), Stream.BULK, 2),
    (Facts(credential="AKIA"), Stream.STANDARD, None),
    (Facts(configuration_set="invoices", sender="a@billing.example.com"), Stream.ONCE, 3),
    (Facts(configuration_set="invoices", sender="a@example.com"), Stream.STANDARD, None),
    (Facts(configuration_set="invoices2", sender="a@billing.example.com"), Stream.STANDARD, None),
    (Facts(tags={"campaign": "spring-1"}), Stream.BULK, 4),
    (Facts(tags={"campaign": "autumn"}), Stream.STANDARD, None),
    (Facts(tags={"otp": "anything"}), Stream.URGENT, 5),
    (Facts(template="invoice-7"), Stream.ONCE, 6),
    (Facts(template="invoice-77"), Stream.STANDARD, None),
]


@pytest.mark.parametrize(("facts", "stream", "rule"), CASES)
def test_the_first_rule_that_matches_counts(facts: Facts, stream: Stream, rule: int | None) -> None:
    """From top to bottom, every given pattern must match; without a match it is `standard`."""
    classified = CLASSIFIER.classify(facts)
    assert (classified.stream, classified.rule) == (stream, rule)


def test_what_the_client_says_comes_before_the_rules() -> None:
    """Header, then tag, then rules; the answer says which."""
    facts = Facts(credential="AKIANEWS1", tags={"posthorse:stream": "Once"})
    assert CLASSIFIER.classify(facts, Stream.URGENT).because == "X-Posthorse-Stream"
    assert CLASSIFIER.classify(facts).because == "tag posthorse:stream"
    assert CLASSIFIER.classify(facts).stream is Stream.ONCE
    assert CLASSIFIER.classify(Facts(credential="AKIANEWS1")).because == "rule 2: access_key AKIANEWS*"
    assert CLASSIFIER.classify(Facts()).because == "default"


def test_the_short_way_says_the_same() -> None:
    """Where the message need not be looked at, the answer is that of the long way."""
    assert Classifier().without_facts(None, {}) == Classifier().classify(Facts())
    assert CLASSIFIER.without_facts(Stream.BULK, {}) == CLASSIFIER.classify(Facts(), Stream.BULK)
    assert CLASSIFIER.without_facts(None, {}) is None
    assert Classifier().without_facts(None, {"posthorse:stream": "bulk"}) is None


def test_a_credential_tells_its_stream_only_if_no_rule_above_could_say_otherwise() -> None:
    """What is known before the message is seen must not be a guess."""
    assert CLASSIFIER.of_credential("AKIANEWS1") is None
    assert Classifier(RULES[1:]).of_credential("AKIANEWS1") is Stream.BULK
    assert Classifier(RULES[1:]).of_credential("AKIA") is None
    assert Classifier().of_credential("AKIA") is None


@given(st.text(max_size=30), st.text(max_size=60))
def test_only_stars_and_question_marks_are_special(pattern: str, text: str) -> None:
    """Any other character, brackets included, stands for itself, and a text matches its own pattern."""
    literal = pattern.replace("*", "").replace("?", "")
    if literal:
        rule = ClassifyRule(stream=Stream.BULK, template=literal)
        assert Classifier([rule]).classify(Facts(template=literal)).rule == 1
    if pattern:
        both = ClassifyRule(stream=Stream.BULK, template=f"*{pattern}*")
        assert Classifier([both]).classify(Facts(template=text + pattern + text)).rule == 1


@pytest.mark.usefixtures("no_old_garbage")
def test_a_pattern_full_of_stars_costs_nothing() -> None:
    """No subject makes the match try combinations."""
    rule = ClassifyRule(stream=Stream.BULK, subject="*" + "a*" * 40 + "b")
    classifier, facts = Classifier([rule]), Facts(subject=b"a" * 1_000)
    assert classifier.classify(facts).rule is None
    assert least_s(lambda: classifier.classify(facts), 0.05) < 0.05
