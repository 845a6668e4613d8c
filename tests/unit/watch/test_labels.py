"""Labels: every value that a metric may have stands in the table, and so on the page."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from posthorse.accept.refusal import RefusalKind
from posthorse.adapters.bounded_worker import Failure
from posthorse.daemon.doorkeeper import Doorkeeper
from posthorse.feedback.webhook_messenger import EndpointStanding
from posthorse.mail.event import EventKind
from posthorse.spool.kept_port import KeptState
from posthorse.watch import metrics
from posthorse.watch.journal import _LATE, Journal
from posthorse.watch.labels import (
    BUG_WHERE,
    EFFECT,
    EVENT_KIND,
    KEPT_STATE,
    LABELS,
    REASON,
    SPOOL_WHERE,
    VERDICT,
    WEBHOOK_RESULT,
    WEBHOOK_STATE,
    WORKER_HOW,
    Label,
)
from posthorse.watch.log import Log
from posthorse.watch.mail_log import MailLog
from posthorse.watch.measures import Measures
from posthorse.watch.metrics import METRICS, Metric
from tests.unit.watch.paper import StoppedClock

TOP = Path(__file__).resolve().parents[3]
PACKAGE = TOP / "src" / "posthorse"


def labels_of(metric: Metric) -> dict[str, Label]:
    """What the page says about the labels of a metric."""
    return {label.name: label for label in LABELS if label.metric in ("", metric.name)}


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_every_label_is_explained(metric: Metric) -> None:
    """A metric has no label that the page does not explain."""
    assert set(metric.labels) <= set(labels_of(metric))


def test_every_label_is_used() -> None:
    """The page explains no label that no metric has."""
    used = {id(label) for metric in METRICS for name, label in labels_of(metric).items() if name in metric.labels}
    assert {label.name for label in LABELS if id(label) not in used} == set()


def test_every_reason_to_refuse_is_listed() -> None:
    """What admission refuses, and what the doorkeeper turns away, each under its reason."""
    measures = Measures()
    doorkeeper = Doorkeeper(Journal(measures, MailLog(Log(lambda lines: None, StoppedClock()), b"k")))
    doorkeeper.turned_away("192.0.2.1")
    doorkeeper.timed_out("192.0.2.1")
    for throttled in (False, True):
        doorkeeper.login_refused("192.0.2.1", throttled=throttled)
    turned_away = {reason for (reason,), _ in measures.counters[metrics.REFUSED].items()}
    assert len(turned_away) == 4
    assert set(REASON.values) == {kind.value for kind in RefusalKind} | turned_away


def test_every_effect_of_a_late_answer_is_listed() -> None:
    """The effects are those that the journal counts."""
    assert set(EFFECT.values) == {effect.value for effect in _LATE}
    assert set(WORKER_HOW.values) == {failure.value for failure in Failure}


def trees_with(*names: str) -> Iterator[tuple[Path, ast.Module]]:
    """The modules of the package in which one of these is called or made."""
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text()
        if any(f"{name}(" in text for name in names):
            yield path, ast.parse(text)


def told(method: str, position: int = 0) -> Iterator[tuple[str, str]]:
    """Every call of this method in the package: the module, and the text given at this position, NAME where it varies.

    Empty text: something that only passes on what it was given.
    """
    for path, tree in trees_with(method):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _name(node.func) == method and len(node.args) > position:
                yield str(path.relative_to(PACKAGE)), _text(node.args[position])


def words(*methods: str) -> set[str]:
    """Every word given as `why` to one of these, in the package."""
    found = set()
    for path, tree in trees_with(*methods, "_why_not"):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _name(node.func) in methods:
                given = [*node.args[:1], *(keyword.value for keyword in node.keywords if keyword.arg == "why")]
                found |= {text for argument in given if (text := _text(argument))}
            elif isinstance(node, ast.FunctionDef) and node.name == "_why_not" and path.stem == "sns":
                returned = [each.value for each in ast.walk(node) if isinstance(each, ast.Constant)]
                found |= {text for text in returned if isinstance(text, str) and text.replace("_", "").isalpha()}
    return found


def test_every_verdict_on_a_notification_is_listed() -> None:
    """What readers and the inbox refuse for, and what the journal counts beside it."""
    counted = {"taken", "repeated", "attended", "spool"}
    refused = words("Forged", "NoKey", "NotRead")
    assert set(VERDICT.values) == refused | counted


def test_every_state_of_a_notification_that_is_counted_is_listed() -> None:
    """All but those that were simply read."""
    assert set(KEPT_STATE.values) == {state.value for state in KeptState} - {KeptState.READ.value}


def test_every_kind_of_event_is_listed() -> None:
    """The kinds are the closed set of the mail's own words."""
    assert set(EVENT_KIND.values) == {kind.value for kind in EventKind}


def _name(function: ast.expr) -> str:
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name.removeprefix("_")


def _text(argument: ast.expr) -> str:
    match argument:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(str(part.value) if isinstance(part, ast.Constant) else "PROVIDER" for part in parts)
        case _:
            return ""


def test_every_place_of_trouble_with_the_spool_is_listed() -> None:
    """Each place that tells of trouble does so under a listed name."""
    found = set(told("spool_trouble"))
    assert {module for module, text in found if not text} == {"watch/journal.py"}
    assert {text for _, text in found if text} == set(SPOOL_WHERE.values)


def test_every_place_of_a_bug_is_listed() -> None:
    """Each place that tells of a bug, or guards a loop against one, does so under a listed name."""
    found = {*told("bug"), *told("guard", position=1)}
    assert {module for module, text in found if not text} == {
        "watch/journal.py",
        "gateway.py",
        "accept/ses/front.py",
        "accept/api/app.py",
    }
    assert {text for _, text in found if text} == set(BUG_WHERE.values)


def test_every_result_and_state_of_a_webhook_is_listed() -> None:
    """What a messenger counts, and the states it shows, are the listed ones."""
    assert set(WEBHOOK_STATE.values) == {standing.value for standing in EndpointStanding}
    source = (PACKAGE / "feedback" / "webhook_messenger.py").read_text()
    counted = {
        each.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and _name(node.func) == "webhook_answered"
        for argument in node.args[1:]
        for each in ast.walk(argument)
        if isinstance(each, ast.Constant) and isinstance(each.value, str)
    }
    assert set(WEBHOOK_RESULT.values) == counted
