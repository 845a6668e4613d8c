"""Load by the SES API v2: `SendEmail` with raw content, by AWS's own client where it is installed, else by a small one.

Duty: sessions that sign and send. The small client signs by SigV4, keeps its connection, and gives every try of one
message the same `amz-sdk-invocation-id`, as AWS's clients do within a call. Promise: an independent peer: it signs with
the lab's own code. Left out: v1, temporary credentials.
Source: SES API v2, `SendEmail`; AWS documentation, "Signature Version 4 signing process".
"""

import asyncio
import base64
import hashlib
import importlib.util
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from posthorse.lab.http_line import HttpAnswer, HttpLine, LineBroken
from posthorse.lab.http_words import Request
from posthorse.lab.load_mail import Offer
from posthorse.lab.load_session import Never, NotNow, Opener, Session
from posthorse.lab.ses_provider import SEND
from posthorse.lab.sigv4 import signature

REGION = "us-east-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiPlan:
    """What goes by the SES API."""

    url: str
    """Base address of the gateway's HTTP listener."""
    access_key_id: str
    secret: str = field(repr=False)
    every: int = 4
    """Each message of so many; 1: all."""
    connections: int = 3
    with_boto3: bool = False
    """By AWS's own client; it must be installed."""


def has_boto3() -> bool:
    """Whether AWS's own client is installed."""
    return importlib.util.find_spec("boto3") is not None


def client_words(plan: ApiPlan) -> str:
    """Who sends, for people."""
    if not plan.with_boto3:
        return "the lab's own signing client (boto3 is not installed)"
    import boto3

    return f"boto3 {boto3.__version__}"


def ses_opener(plan: ApiPlan, *, answer_s: float) -> Opener:
    """Makes sessions of this plan."""
    client = _boto3_client(plan, answer_s) if plan.with_boto3 else None

    async def opened() -> Session:
        return SigningSession(plan, answer_s) if client is None else Boto3Session(client)

    return opened


class SigningSession:
    """One kept connection of the small client."""

    def __init__(self, plan: ApiPlan, answer_s: float) -> None:
        self._plan = plan
        self._line = HttpLine(plan.url, timeout_s=answer_s)

    async def send(self, offer: Offer) -> str:
        """Sign and send one message; another try of it is the same call, so it is never doubtful."""
        body = json.dumps(_request(offer, base64.b64encode(offer.content).decode("ascii"))).encode()
        headers = self._signed(body, offer.load_id)
        try:
            answer = await self._line.ask("POST", SEND, headers, body)
        except LineBroken as broken:
            raise NotNow(str(broken)) from broken
        return _receipt(answer)

    async def close(self) -> None:
        """Hang up."""
        self._line.close()

    def _signed(self, body: bytes, call: str) -> tuple[tuple[str, str], ...]:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        digits = hashlib.sha256(call.encode()).hexdigest()
        invocation = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32]))
        named = [
            ("amz-sdk-invocation-id", invocation),
            ("content-type", "application/json"),
            ("host", self._line.host_header),
            ("x-amz-date", stamp),
        ]
        scope = f"{stamp[:8]}/{REGION}/ses/aws4_request"
        names = [name for name, _ in named]
        request = Request(method="POST", target=SEND, headers=named, body=body)
        proof = signature(request, self._plan.secret, scope, names, stamp)
        credential = f"Credential={self._plan.access_key_id}/{scope}"
        authorization = f"AWS4-HMAC-SHA256 {credential}, SignedHeaders={';'.join(names)}, Signature={proof}"
        return (*((name, value) for name, value in named if name != "host"), ("Authorization", authorization))


class Boto3Session:
    """AWS's own client, in a thread for each call."""

    def __init__(self, client: Any) -> None:
        self._client = client

    async def send(self, offer: Offer) -> str:
        """Send one message; boto3 repeats a call by itself before it gives up."""
        from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

        try:
            answer = await asyncio.to_thread(self._client.send_email, **_request(offer, offer.content))
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            raise (NotNow if status >= 500 or status == 429 else Never)(str(error)) from error
        except EndpointConnectionError as error:
            raise NotNow(str(error)) from error
        except BotoCoreError as error:
            raise NotNow(str(error), is_doubtful=True) from error
        return str(answer["MessageId"])

    async def close(self) -> None:
        """Connections belong to the client, which all sessions share."""


def _boto3_client(plan: ApiPlan, answer_s: float) -> Any:
    import boto3
    from botocore.config import Config

    return boto3.client(
        "sesv2",
        endpoint_url=plan.url,
        region_name=REGION,
        aws_access_key_id=plan.access_key_id,
        aws_secret_access_key=plan.secret,
        config=Config(max_pool_connections=plan.connections, connect_timeout=5, read_timeout=answer_s),
    )


def _request(offer: Offer, data: object) -> dict[str, Any]:
    return {"Content": {"Raw": {"Data": data}}, "Destination": {"ToAddresses": [offer.recipient]}}


def _receipt(answer: HttpAnswer) -> str:
    if answer.status == 200:
        return str(json.loads(answer.body)["MessageId"])
    why = f"{answer.status} {answer.headers.get('x-amzn-errortype', '')} {answer.body[:200].decode('utf-8', 'replace')}"
    raise (NotNow if answer.status >= 500 or answer.status == 429 else Never)(why)
