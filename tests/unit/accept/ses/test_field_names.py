"""An error names the field that the client wrote, in the version's own words."""

import asyncio
import json
from typing import Any
from urllib.parse import urlencode

import pytest

from posthorse.accept.ses.account import Account
from posthorse.accept.ses.asked import Asked, Request, submitted
from posthorse.accept.ses.errors import SesError
from posthorse.accept.ses.field_names import of_v1, of_v1_raw, of_v2
from posthorse.accept.ses.operation import Call
from posthorse.accept.ses.v1 import V1
from posthorse.accept.ses.v2_send import read_send_email
from posthorse.mail.ids import MAIN_TENANT
from posthorse.mail.message import Caller
from tests.scenarios.hostile import CORPUS
from tests.unit.accept.kit import house

ROWS: list[dict[str, Any]] = json.loads((CORPUS / "ses" / "field_names.json").read_text())
CALLER = Caller(tenant=MAIN_TENANT, credential="AKIA", peer="192.0.2.1")
REQUEST = Request(caller=CALLER, tls=False, repeat_key="", body_digest=b"")
V1_MAIL = {
    "Action": "SendEmail",
    "Source": "shop@example.com",
    "Destination.ToAddresses.member.1": "ada@example.net",
    "Message.Subject.Data": "Hi",
    "Message.Body.Text.Data": "Hello",
}


async def told(row: dict[str, Any]) -> str:
    """What the row is answered."""
    try:
        asked = await (_v1(row["v1"]) if "v1" in row else _v2(row))
        await submitted(asked, REQUEST)
    except SesError as error:
        return error.text
    return "nothing is wrong with it"


async def _v2(row: dict[str, Any]) -> Asked:
    simple = {"Subject": {"Data": "Hi"}, "Body": {"Text": {"Data": "Hello"}}} | row.get("simple", {})
    mail = {
        "FromEmailAddress": "shop@example.com",
        "Destination": {"ToAddresses": ["ada@example.net"]},
        "Content": {"Simple": simple},
    }
    return await read_send_email(json.dumps(mail | row["v2"]).encode())


async def _v1(changes: dict[str, str]) -> Asked:
    home = house()
    body = urlencode(V1_MAIL | changes).encode()
    call = Call(method="POST", path="/", query=b"", body=body, caller=CALLER, request_id="1")
    asked = await V1(Account(admission=home.admission, clock=home.clock)).perform(call)
    assert isinstance(asked, Asked)
    return asked


@pytest.mark.parametrize("row", ROWS, ids=[row["id"] for row in ROWS])
def test_errors_name_the_fields_of_the_request(row: dict[str, Any]) -> None:
    """Each by its path in JSON or its name in the form, lists with the place of the member."""
    assert asyncio.run(told(row)).startswith(row["says"])


@pytest.mark.parametrize("naming", [of_v1, of_v1_raw, of_v2])
def test_every_place_has_a_name(naming: Any) -> None:
    """A place that nobody listed is named as it is, never a bug."""
    for place in ("from", "to[3]", "cc", "attachments[2].content", "headers", "anything[1]"):
        assert naming(place)
