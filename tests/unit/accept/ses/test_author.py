"""Whose mail a raw message is, when the request names an author of its own."""

import asyncio
import json
from email import message_from_bytes, policy
from typing import Any

import pytest

from posthorse.accept.ses.asked import Asked, Request, submitted
from posthorse.mail.ids import MAIN_TENANT
from posthorse.mail.message import Caller
from tests.scenarios.hostile import CORPUS

ROWS = json.loads((CORPUS / "ses" / "authors.json").read_text())
REQUEST = Request(
    caller=Caller(tenant=MAIN_TENANT, credential="AKIA", peer="192.0.2.1"), tls=False, repeat_key="", body_digest=b""
)


@pytest.mark.parametrize("row", ROWS, ids=[row["from"] for row in ROWS])
def test_message_is_from_whom_the_request_names(row: dict[str, Any]) -> None:
    """Its own From stays only where it is that one mailbox; a name, a comment or a list that holds it is not."""
    field = b"From: " + row["from"].encode()
    raw = field + b"\r\nSender: x@example.com\r\nTo: b@example.net\r\n\r\nhi\r\n"
    asked = Asked(from_=row["given"], raw=raw, replaces_from=True)
    submission, _ = asyncio.run(submitted(asked, REQUEST))
    assert (submission.content == raw) is row["stays"]
    author = message_from_bytes(submission.content, policy=policy.default)["From"].addresses
    assert [one.addr_spec.lower() for one in author] == [submission.sender]
    assert submission.sender in row["given"]
    assert submission.content.endswith(raw[len(field) :])
