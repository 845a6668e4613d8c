"""`posthorse keys`: access keys kept in the spool."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from posthorse.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, Tenant
from posthorse.cli.orders_command import done
from posthorse.cli.output import print_json, print_table, say
from posthorse.cli.talk import carry_out
from posthorse.control import replies, requests
from posthorse.mail.ids import MAIN_TENANT

app = typer.Typer(help="Access keys of applications, kept in the spool.", no_args_is_help=True, rich_markup_mode=None)


@app.command("create")
def create(
    tenant: Tenant = MAIN_TENANT,
    note: Annotated[str, typer.Option(help="What it is for.")] = "",
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Make an access key; its secret is shown this once. Before the first start of a gateway the spool is made, too."""
    from posthorse.config.load import read_api_address
    from posthorse.config.way_in import aws_variables

    address = read_api_address(config)
    made = carry_out(config, requests.KeyCreate(tenant=tenant, note=note), first=_tell_of_spool)
    region, *_ = made.smtp_password
    variables: dict[str, str] = {}
    if address:
        variables |= aws_variables(key_id=made.id, secret=made.secret, address=address, region=region)
        variables["AWS_REGION"] = region  # what the SDK for JavaScript reads, and some others
    if as_json:
        print_json(msgspec.to_builtins(made) | {"aws_variables": variables})
    else:
        _tell(made, variables)


@app.command("list")
def list_(config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """List access keys of the spool; those of the configuration file are not among them."""
    found = carry_out(config, requests.Keys())
    if as_json:
        print_json(found)
        return
    rows = [(each.id, each.tenant, each.note, each.created_at, each.revoked_at) for each in found.keys]
    print_table(("id", "tenant", "note", "created", "revoked"), rows, empty="no keys in the spool")


@app.command("dkim")
def dkim(config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Print the DNS records of the keys that sign mail: what to publish before the first mail is signed."""
    from posthorse.config.load import read_domains
    from posthorse.daemon.wiring import signing_keys_of

    records = [
        {"name": f"{key.selector}._domainkey.{key.domain}", "type": "TXT", "value": key.record}
        for _, key in signing_keys_of(read_domains(config, os.environ))
    ]
    if as_json:
        print_json(records)
        return
    for record in records:
        say(f"{record['name']}. TXT {_strings(record['value'])}")
    if not records:
        say("no [[domains]] has a dkim key")


@app.command("revoke")
def revoke(
    id: Annotated[str, typer.Argument(metavar="ID", help="Access key id.")],  # noqa: A002
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Let nobody in with this key any more."""
    done(carry_out(config, requests.KeyRevoke(id=id)), as_json=as_json)


def _tell_of_spool(file: Path) -> None:
    typer.echo(f"made the spool {file}; the gateway must run as the user that made it", err=True)


def _tell(made: replies.KeyMade, variables: Mapping[str, str]) -> None:
    """What an application needs to come by each door. `variables` empty: nobody can call the SES API as configured."""
    from posthorse.config.way_in import exports

    say(f"access key id      {made.id}")
    say(f"secret access key  {made.secret}")
    say("SMTP: user name is the access key id; the password, as SES derives it from the secret:")
    for region, password in made.smtp_password.items():
        say(f"  {region:<16} {password}")
    say("Posthorse takes the password of any region.")
    if variables:
        say("SES API: what AWS's libraries and command line read; the region may be any:")
        for line in exports(variables):
            say(f"  {line}")
    else:
        say("SES API: no HTTP listener has the role `api` and a port that is known before it listens.")
    say("Nobody can show the secret again.")


def _strings(text: str) -> str:
    """A TXT record's text as a zone file takes it: in strings of at most 255 bytes, which readers join."""
    return " ".join(f'"{text[at : at + 255]}"' for at in range(0, len(text), 255))
