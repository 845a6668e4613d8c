"""`posthorse explain`: why a message is where it is."""

from posthorse.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, MessageId
from posthorse.cli.output import print_json, say
from posthorse.cli.talk import carry_out
from posthorse.control import requests


def explain(id: MessageId, config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:  # noqa: A002
    """Tell the whole history of a message, with the reason of each decision."""
    found = carry_out(config, requests.Explain(id=id))
    if as_json:
        print_json(found)
        return
    say(f"message {found.id}, {found.stream}")
    for step in found.steps:
        about = "        " if step.n is None else f"  to {step.n:<3}"
        say(f"  {step.at}{about}  {step.words}")
    say("now:")
    for each, sentence in zip(found.recipients, found.now, strict=True):
        say(f"  {sentence}  [{each.address}]")
