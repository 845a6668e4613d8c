"""Loading: from the file to the checked tree, or to every reason why not."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from posthorse.config.check import problems_of, rule_problems
from posthorse.config.domains import DomainSettings
from posthorse.config.entrance import ClassifySettings
from posthorse.config.feedback import FeedbackSettings
from posthorse.config.problem import ConfigProblems, Problem
from posthorse.config.reader import Reading, Unreadable
from posthorse.config.secret import Surroundings
from posthorse.config.setting import SpoolUrl
from posthorse.config.tree import Config, SpoolSettings
from posthorse.config.way_in import api_address
from posthorse.mail.ids import ProviderName

_MOST_BYTES = 4 << 20


def load_config(path: Path, environ: Mapping[str, str]) -> Config:
    """Read and check the file; secrets come from `environ` and from files beside it.

    Raises `ConfigProblems` with every problem found, each with its path in the file and its remedy.
    """
    return _read(_document(_text_of(path), path), folder=path.resolve().parent, environ=environ)


def read_config(text: str, *, folder: Path, environ: Mapping[str, str]) -> Config:
    """As `load_config`, from text; relative paths start at `folder`. Raises `ConfigProblems`."""
    return _read(_document(text), folder=folder, environ=environ)


def _read(document: dict[str, Any], *, folder: Path, environ: Mapping[str, str]) -> Config:
    reading = Reading(Surroundings(folder=folder, environ=environ))
    try:
        config = reading.section(Config, document, "")
    except Unreadable:
        raise ConfigProblems(reading.problems) from None
    together = problems_of(config, reading.place, _provider_names(document))
    problems = reading.problems + [problem for problem in together if not _follows(problem, reading.problems)]
    if problems:
        raise ConfigProblems(problems)
    rooted = SpoolUrl(file=folder / config.spool.url.file)  # the default, too, stands beside the file
    return replace(config, spool=SpoolSettings(url=rooted))


@dataclass(frozen=True, slots=True, kw_only=True)
class Whereabouts:
    """What an operator's command must know of the configuration."""

    spool_file: Path
    providers: tuple[ProviderName, ...]
    """Names in the order of the file."""
    notifying: frozenset[ProviderName]
    """Those that tell what became of mail."""
    confirm_within_s: float


def read_whereabouts(path: Path) -> Whereabouts:
    """Read only where the spool is and what the providers are called; no secret is looked at, the rest may be wrong.

    Raises `ConfigProblems`.
    """
    folder = path.resolve().parent
    document = _document(_text_of(path), path)
    reading = Reading(Surroundings(folder=folder, environ={}))
    try:
        spool = reading.section(SpoolSettings, document.get("spool", {}), "spool")
        feedback = reading.section(FeedbackSettings, document.get("feedback", {}), "feedback")
    except Unreadable:
        raise ConfigProblems(reading.problems) from None
    if reading.problems:
        raise ConfigProblems(reading.problems)
    names = tuple(ProviderName(name) for name in _provider_names(document))
    return Whereabouts(
        spool_file=folder / spool.url.file,
        providers=names,
        notifying=_notifying(document),
        confirm_within_s=feedback.confirm_within_s,
    )


def read_domains(path: Path, environ: Mapping[str, str]) -> tuple[DomainSettings, ...]:
    """Read only `[[domains]]`, with the keys that sign; the rest may be wrong or refer to what is not here.

    Raises `ConfigProblems`.
    """
    return _parts(path, environ, "domains").domains


def read_api_address(path: Path) -> str:
    """Read only where the gateway listens, for the address that clients of SES call; no secret is looked at.

    Empty: there is none (`posthorse.config.way_in.api_address`). Raises `ConfigProblems`.
    """
    config = _parts(path, {}, "node", "listen")
    return api_address(config.listen, config.node.name)


def read_classify(path: Path) -> tuple[ClassifySettings, ...]:
    """Read only the `[[classify]]` rules of a file; the rest may be wrong or missing. Raises `ConfigProblems`."""
    return classify_rules(_document(_text_of(path), path).get("classify", []))


def classify_rules(tables: object) -> tuple[ClassifySettings, ...]:
    """Rules from their tables in TOML. Raises `ConfigProblems`."""
    reading = Reading(Surroundings(folder=Path(), environ={}))
    try:
        rules = reading.section(Config, {"classify": tables}, "").classify
    except Unreadable:
        raise ConfigProblems(reading.problems) from None
    problems = [*reading.problems, *(each for rule in rules for each in rule_problems(rule, reading.place(rule)))]
    if problems:
        raise ConfigProblems(problems)
    return rules


def _parts(path: Path, environ: Mapping[str, str], *keys: str) -> Config:
    """These parts of a file, and the defaults of all others. Raises `ConfigProblems`."""
    document = _document(_text_of(path), path)
    reading = Reading(Surroundings(folder=path.resolve().parent, environ=environ))
    try:
        config = reading.section(Config, {key: document[key] for key in keys if key in document}, "")
    except Unreadable:
        raise ConfigProblems(reading.problems) from None
    if reading.problems:
        raise ConfigProblems(reading.problems)
    return config


def _document(text: str, path: Path | None = None) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        name, what = str(path or ""), f"is not TOML: {error}"
        raise ConfigProblems([Problem(path=name, what=what, remedy="correct that line")]) from None


def _follows(problem: Problem, known: Sequence[Problem]) -> bool:
    """Whether it may come only of a value inside its section that could not be read, and was told already."""
    return any(other.path.startswith((f"{problem.path}.", f"{problem.path}[")) for other in known)


def _notifying(document: Mapping[str, object]) -> frozenset[ProviderName]:
    """Names of providers that have a table `notifications`."""
    providers = document.get("providers")
    return frozenset(
        ProviderName(str(provider.get("name", "")))
        for provider in (providers if isinstance(providers, list) else ())
        if isinstance(provider, dict) and "notifications" in provider
    )


def _provider_names(document: Mapping[str, object]) -> list[str]:
    """Names as they stand in the file, so that a broken section does not make its routes look wrong too."""
    providers = document.get("providers")
    sections = providers if isinstance(providers, list) else []
    return [str(section.get("name")) for section in sections if isinstance(section, dict)]


def _text_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
    except OSError as error:
        remedy = "name it with --config, or run `posthorse serve --quickstart`"
        raise ConfigProblems([Problem(path=str(path), what=str(error.strerror), remedy=remedy)]) from None
    if len(raw) > _MOST_BYTES:
        raise ConfigProblems([Problem(path=str(path), what=f"is larger than {_MOST_BYTES >> 20} MiB")])
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigProblems([Problem(path=str(path), what=f"is not UTF-8: {error}")]) from None
