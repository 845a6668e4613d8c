"""What a quickstart prints once mail is taken: addresses, a login, and lines to copy."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from posthorse.config.login import first_login
from posthorse.config.way_in import aws_variables
from posthorse.quickstart.house import REGION, House
from posthorse.web.role import Role

_BANNER = """\
posthorse is ready. {providers}

  SMTP      {smtp}
  HTTP      {http}  (SES API, native API: {http}/api/docs)
  health    {http}/healthz  {http}/readyz  {http}/metrics
  user      {user}
  password  {password}

In a second terminal, in this folder, first:
{exports}

Send a message:
  posthorse send --from app@example.com --to you@example.net --subject hello
  swaks --server {smtp_host}:{smtp_port} --auth PLAIN --auth-user {user} --auth-password '{password}' \\
        --from app@example.com --to you@example.net --header 'Subject: hello'
  python3 -c "import smtplib; s = smtplib.SMTP('{smtp_host}', {smtp_port}); s.login('{user}', '{password}'); \\
        s.sendmail('app@example.com', 'you@example.net', 'From: app@example.com\\nSubject: hello\\n\\nIt works.')"
{by_api}
Look:
{mailbox}  posthorse queue list        what waits, is in doubt, or was handed over
  posthorse explain ID        one message's whole life{delivered}
  posthorse providers list    how the providers stand
{breaking}
Ctrl-C stops it. Its folder is {folder}; {config} is yours to edit, and kept.
"""

_BY_API = """\

By the API of SES (with boto3, with the AWS command line, where these are installed), and by the native API:
  python3 -c "import boto3; print(boto3.client('sesv2').send_email(FromEmailAddress='app@example.com', \\
        Destination={{'ToAddresses': ['you@example.net']}}, Content={{'Simple': \\
        {{'Subject': {{'Data': 'hello'}}, 'Body': {{'Text': {{'Data': 'It works.'}}}}}}}})['MessageId'])"
  aws sesv2 send-email --from-email-address app@example.com --destination ToAddresses=you@example.net \\
        --content 'Simple={{Subject={{Data=hello}},Body={{Text={{Data=It works.}}}}}}'
  curl -sSw '\\n' -u "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" {api}/api/v1/messages \\
        -H 'Content-Type: application/json' \\
        -d '{{"from": "app@example.com", "to": ["you@example.net"], "subject": "hello", "text": "It works."}}'
"""


def banner(addresses: Mapping[str, str], house: House, lab: str) -> str:
    """The whole text; `lab`: the URL of the lab's control, empty if nothing is simulated."""
    user, password = first_login(house.config)
    smtp = next((url for name, url in addresses.items() if name.startswith("smtp")), "none")
    host, _, port = smtp.rpartition("/")[2].rpartition(":")
    simulated = next(iter(house.simulated), "")
    api = served(addresses, house, Role.API)
    signing = _signing(house, api)
    return _BANNER.format(
        providers=_providers(house),
        smtp=smtp,
        http=next((url for name, url in addresses.items() if name.startswith("http")), "none"),
        user=user,
        password=password,
        exports="\n".join(_exports(house, lab, password, signing)),
        smtp_host=host,
        smtp_port=port,
        by_api=_BY_API.format(api=api) if signing else "",
        delivered=", until it is delivered" if house.sns_port is not None else "",
        mailbox="  posthorse lab mailbox       what arrived; --raw: the latest, as it came\n" if lab else "",
        breaking=f"\nBreak something:\n  posthorse lab fault {simulated} refuse\n" if lab else "",
        config=os.path.relpath(house.path),
        folder=os.path.relpath(house.folder),
    )


def served(addresses: Mapping[str, str], house: House, role: Role) -> str:
    """The first URL in the clear at which the gateway plays this role; empty: there is none."""
    listening = (listener for listener in house.config.listen if listener.http is not None)
    urls = (url for name, url in addresses.items() if name.startswith("http"))
    found = (url for listener, url in zip(listening, urls, strict=False) if role in map(Role, listener.roles))
    return next((url for url in found if url.startswith("http://")), "")


def _signing(house: House, api: str) -> Mapping[str, str]:
    """What AWS's clients read; empty: nobody can sign here."""
    key = next(iter(house.config.access_keys), None)
    if not api or key is None or key.secret is None:
        return {}
    return aws_variables(key_id=key.id, secret=f"'{key.secret.reveal()}'", address=api, region=REGION)


def _providers(house: House) -> str:
    names, simulated = [provider.name for provider in house.config.providers], house.simulated
    if len(names) == 2 and len(simulated) == 2:
        return f"Two simulated providers, {names[0]} first, then {names[1]}; nothing leaves this machine."
    told = (f"{name} (simulated)" if name in simulated else name for name in names)
    return f"Providers: {', '.join(told)}."


def _exports(house: House, lab: str, password: str, signing: Mapping[str, str]) -> list[str]:
    variables = {
        "POSTHORSE_CONFIG": os.path.relpath(house.path),
        "POSTHORSE_LAB": lab,
        "POSTHORSE_SMTP_PASSWORD": f"'{password}'",
        **signing,
    }
    lines = [f"  export {name}={value}" for name, value in variables.items() if value]
    own = Path(sys.argv[0])
    if own.name == "posthorse":
        place = os.path.relpath(own.parent)
        where = str(own.parent.resolve()) if place.startswith("..") else f"$PWD/{place}"
        lines.append(f'  export PATH="$PATH:{where}"')
    return lines
