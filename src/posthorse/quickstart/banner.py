"""What a quickstart prints once mail is taken: addresses, a login, and lines to copy."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from posthorse.config.login import first_login
from posthorse.quickstart.house import House

_BANNER = """\
posthorse is ready. {providers}

  SMTP      {smtp}
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

Look:
{mailbox}  posthorse queue list        what waits or is in doubt
  posthorse explain ID        one message's whole life
  posthorse providers list    how the providers stand
{breaking}
Ctrl-C stops it. Its folder is {folder}; {config} is yours to edit, and kept.
"""


def banner(addresses: Mapping[str, str], house: House, lab: str) -> str:
    """The whole text; `lab`: the URL of the lab's control, empty if nothing is simulated."""
    user, password = first_login(house.config)
    smtp = next((url for name, url in addresses.items() if name.startswith("smtp")), "none")
    host, _, port = smtp.rpartition("/")[2].rpartition(":")
    simulated = next(iter(house.simulated), "")
    return _BANNER.format(
        providers=_providers(house),
        smtp=smtp,
        http=next((url for name, url in addresses.items() if name.startswith("http")), "none"),
        user=user,
        password=password,
        exports="\n".join(_exports(house, lab, password)),
        smtp_host=host,
        smtp_port=port,
        mailbox="  posthorse lab mailbox       what arrived\n" if lab else "",
        breaking=f"\nBreak something:\n  posthorse lab fault {simulated} refuse\n" if lab else "",
        config=os.path.relpath(house.path),
        folder=os.path.relpath(house.folder),
    )


def _providers(house: House) -> str:
    names, simulated = [provider.name for provider in house.config.providers], house.simulated
    if len(names) == 2 and len(simulated) == 2:
        return f"Two simulated providers, {names[0]} first, then {names[1]}; nothing leaves this machine."
    told = (f"{name} (simulated)" if name in simulated else name for name in names)
    return f"Providers: {', '.join(told)}."


def _exports(house: House, lab: str, password: str) -> list[str]:
    variables = {"POSTHORSE_CONFIG": os.path.relpath(house.path), "POSTHORSE_LAB": lab}
    lines = [f"  export {name}={value}" for name, value in variables.items() if value]
    lines.append(f"  export POSTHORSE_SMTP_PASSWORD='{password}'")
    own = Path(sys.argv[0])
    if own.name == "posthorse":
        place = os.path.relpath(own.parent)
        where = str(own.parent.resolve()) if place.startswith("..") else f"$PWD/{place}"
        lines.append(f'  export PATH="{where}:$PATH"')
    return lines
