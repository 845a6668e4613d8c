"""Printing what `posthorse classify` found: rules as TOML with their evidence, trials as tables.

Promise: what is printed as TOML reads back as the rules it shows, whatever stands in the mail it came from.
"""

import json
from collections.abc import Iterator

from posthorse.accept.classify import ClassifyRule
from posthorse.cli.output import counted, print_table, say
from posthorse.control.classify_suggest import Proposal, Suggestion, Sureness
from posthorse.control.classify_trial import RuleTrial, Trial
from posthorse.mail.stream import Stream

MOST_SHOWN = 20
"""Messages that would move, named one by one for people; `--json` has more."""
_KEYS = ("access_key", "configuration_set", "tag", "template", "sender", "subject")


def as_data(found: Suggestion) -> dict[str, object]:
    """A suggestion for programs, with the rules as TOML."""
    return {
        "messages": found.messages,
        "declared": found.declared,
        "ruled": found.ruled,
        "undecided": found.undecided,
        "without_subject": found.without_subject,
        "left": found.left,
        "proposals": [
            {
                "stream": each.rule.stream.value,
                "match": _patterns(each.rule),
                "matches": each.matches,
                "leans": each.leans,
                "decides": each.decides,
                "sureness": each.sureness.value,
                "signs": [{"sign": sign, "messages": count} for sign, count in each.signs],
                "examples": list(each.examples),
                "toml": as_toml(each.rule),
            }
            for each in found.proposals
        ],
    }


def print_suggestion(found: Suggestion) -> None:
    """As a piece of configuration to paste, with why in comments."""
    for line in _suggestion(found):
        say(line)


def _suggestion(found: Suggestion) -> Iterator[str]:
    yield f"# Looked at {counted(found.messages, 'message')}: of {found.declared} the client named the stream,"
    yield f"# {found.ruled} are decided by rules, {found.undecided} are standard because nobody says otherwise."
    if found.without_subject:
        yield f"# The bodies of {found.without_subject} of these are gone, so that their subjects could not be read."
    if not found.messages:
        yield "# There is no recorded traffic yet: let applications send for a while."
    elif not found.undecided:
        yield "# There is nothing to propose."
    elif not found.proposals:
        yield "# Nothing among them says clearly what kind of mail it is: they are best left as they are."
    for proposal in found.proposals:
        yield ""
        yield from map(_comment, _evidence(proposal))
        yield from (_comment(line) if _is_doubtful(proposal) else line for line in as_toml(proposal.rule).splitlines())
    if found.proposals:
        yield ""
        left = found.left + sum(proposal.decides for proposal in found.proposals if _is_doubtful(proposal))
        yield f"# {left} would stay standard. Try them behind yours: posthorse classify test --rules FILE"


def _is_doubtful(proposal: Proposal) -> bool:
    """A person has to take it up: the rule itself is a comment."""
    return proposal.sureness is Sureness.LOW


def _evidence(proposal: Proposal) -> Iterator[str]:
    share = 100 * proposal.leans // proposal.matches
    doubtful = " Look at such mail, then take the # away." if _is_doubtful(proposal) else ""
    sure = f"Sure: {proposal.sureness.value}.{doubtful}"
    yield f"{proposal.leans} of {counted(proposal.matches, 'message')} ({share} %). {sure}"
    yield "Because: " + ", ".join(f"{sign} ({count})" for sign, count in proposal.signs)
    if proposal.examples:
        yield "For example: " + "; ".join(json.dumps(each, ensure_ascii=False) for each in proposal.examples)


def _comment(text: str) -> str:
    return "# " + "".join(character if character.isprintable() else " " for character in text)


def as_toml(rule: ClassifyRule) -> str:
    """The rule as it stands in a configuration."""
    inside = ", ".join(f"{key} = {_quoted(pattern)}" for key, pattern in _patterns(rule).items())
    return f'[[classify]]\nmatch = {{ {inside} }}\nstream = "{rule.stream.value}"'


def _patterns(rule: ClassifyRule) -> dict[str, str]:
    return {key: pattern for key in _KEYS if (pattern := getattr(rule, key))}


def _quoted(text: str) -> str:
    """A basic string of TOML, which JSON's escapes are part of; what does not print is escaped."""
    return json.dumps(text, ensure_ascii=not text.isprintable()).replace("\x7f", "\\u007f")


def print_trial(trial: Trial) -> None:
    """How the streams would differ, what would move, and which rules do nothing."""
    say(f"{counted(trial.messages, 'message')}; the client named the stream of {trial.declared}")
    if trial.unsure:
        say(f"{trial.unsure} are not known: their subjects are gone, and a rule looks at them")
    rows = [(stream.value, trial.before.get(stream, 0), trial.after.get(stream, 0)) for stream in Stream]
    print_table(("stream", "was", "would be"), rows, empty="")
    print_table(
        ("rule", "match", "stream", "fits", "decides", ""),
        [_rule_row(n, each) for n, each in enumerate(trial.rules, 1)],
        empty="no rules",
    )
    if trial.moves:
        say(f"{counted(trial.moves, 'message')} would be in another stream:")
        moved = [(each.id, each.old.value, each.new.value, each.rule or "none") for each in trial.moved[:MOST_SHOWN]]
        print_table(("id", "was", "would be", "rule"), moved, empty="")
        if trial.moves > MOST_SHOWN:
            say(f"and {trial.moves - MOST_SHOWN} more; --json names more of them")
    else:
        say("no message would be in another stream")


def _rule_row(n: int, each: RuleTrial) -> tuple[object, ...]:
    match = ", ".join(f"{key} {pattern}" for key, pattern in _patterns(each.rule).items())
    return (n, match, each.rule.stream.value, each.matches, each.decides, _remark(each))


def _remark(each: RuleTrial) -> str:
    if not each.matches:
        return "never fits"
    if each.is_shadowed:
        return "does nothing: rule " + ", ".join(map(str, each.shadowed_by)) + " comes first"
    return ""
