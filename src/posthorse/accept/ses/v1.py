"""SES v1 (2010-12-01): the actions of its Query protocol.

Offered: sending, and what sending clients ask when they start. Every other action of the model is refused by name.
Source: service model of SES.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import Final

from posthorse.accept.ses.account import Account, page, seconds
from posthorse.accept.ses.answers import Answer, Entries, Xml, v1_error, v1_result
from posthorse.accept.ses.asked import V1_MAX_BYTES, Asked
from posthorse.accept.ses.errors import Kind, SesError
from posthorse.accept.ses.field_names import of_v1, of_v1_raw
from posthorse.accept.ses.operation import Call
from posthorse.accept.ses.operations import V1_ACTIONS
from posthorse.accept.ses.v1_form import Form
from posthorse.accept.structured import Body, StructuredMail
from posthorse.mail.ids import MessageId, Tenant

MOST_ASKED_IDENTITIES: Final = 100
MAX_ACTION_BYTES: Final = 256

Reading = Callable[[Form], Awaitable[Asked]]
Asking = Callable[[Form, Tenant], Awaitable[Xml]]


class V1:
    """Version 1."""

    max_request_bytes = V1_MAX_BYTES // 3 * 4 * 3 // 2
    """The largest message in base64, with room for what a form escapes."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._sending: dict[str, Reading] = {"SendEmail": _send_email, "SendRawEmail": _send_raw_email}
        self._asking: dict[str, Asking] = {
            "GetSendQuota": self._get_send_quota,
            "GetSendStatistics": self._get_send_statistics,
            "GetAccountSendingEnabled": self._get_account_sending_enabled,
            "GetIdentityVerificationAttributes": self._get_identity_verification_attributes,
            "ListIdentities": self._list_identities,
            "ListVerifiedEmailAddresses": self._list_verified_email_addresses,
            "ListConfigurationSets": self._list_configuration_sets,
        }

    async def perform(self, call: Call) -> Asked | Answer:
        """As `Version` says."""
        if call.method not in ("POST", "GET"):
            raise SesError(Kind.UNKNOWN_OPERATION, "An action is asked for by POST or GET.")
        form = Form(call.body if call.method == "POST" and call.body else call.query)
        action = await form.text("Action", MAX_ACTION_BYTES)
        if action in self._sending:
            call.action = action
            return await self._sending[action](form)
        if action in self._asking:
            return v1_result(action, await self._asking[action](form, call.caller.tenant), call.request_id)
        if action in V1_ACTIONS:
            raise SesError(Kind.NOT_OFFERED, f"{action} is not offered by this gateway.")
        if not action:
            raise SesError(Kind.MISSING, "The parameter Action is missing.")
        raise SesError(Kind.UNKNOWN_OPERATION, "There is no such action.")

    def receipt(self, call: Call, receipt: MessageId) -> Answer:
        """As `Version` says."""
        return v1_result(call.action, {"MessageId": receipt.hex()}, call.request_id)

    def error(self, error: SesError, request_id: str) -> Answer:
        """As `Version` says."""
        return v1_error(error, request_id)

    # --- what clients ask when they start ----------------------------------------------------------------------------

    async def _get_send_quota(self, _form: Form, tenant: Tenant) -> Xml:
        quota = self._account.quota(tenant)
        return {
            "Max24HourSend": str(quota.max_24_hour),
            "MaxSendRate": str(quota.max_per_s),
            "SentLast24Hours": str(quota.sent_24_hours),
        }

    async def _get_send_statistics(self, _form: Form, tenant: Tenant) -> Xml:
        points: list[Xml] = [
            {
                "Timestamp": datetime.fromtimestamp(seconds(point.starts_at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "DeliveryAttempts": str(point.accepted),
                "Bounces": "0",
                "Complaints": "0",
                "Rejects": str(point.rejected),
            }
            for point in self._account.statistics(tenant)
        ]
        return {"SendDataPoints": points}

    async def _get_account_sending_enabled(self, _form: Form, _tenant: Tenant) -> Xml:
        return {"Enabled": "true"}

    async def _get_identity_verification_attributes(self, form: Form, tenant: Tenant) -> Xml:
        identities = await form.texts("Identities")
        if len(identities) > MOST_ASKED_IDENTITIES:
            raise SesError(Kind.INVALID, f"At most {MOST_ASKED_IDENTITIES} identities may be asked for at once.")
        verified = [name for name in identities if self._account.verified(tenant, name)]
        return {"VerificationAttributes": Entries({name: {"VerificationStatus": "Success"} for name in verified})}

    async def _list_identities(self, form: Form, tenant: Tenant) -> Xml:
        names = [] if await form.text("IdentityType") == "EmailAddress" else self._account.identities(tenant)
        return await _paged(form, "Identities", names, lambda name: name)

    async def _list_verified_email_addresses(self, _form: Form, _tenant: Tenant) -> Xml:
        return {"VerifiedEmailAddresses": []}  # whole domains are verified here

    async def _list_configuration_sets(self, form: Form, _tenant: Tenant) -> Xml:
        return await _paged(
            form, "ConfigurationSets", self._account.offered.configuration_sets, lambda name: {"Name": name}
        )


async def _paged(form: Form, element: str, names: "list[str] | tuple[str, ...]", shape: Callable[[str], Xml]) -> Xml:
    shown, more = page(names, await form.number("MaxItems"), await form.text("NextToken"))
    return {element: [shape(name) for name in shown]} | ({"NextToken": more} if more else {})


# --- sending ---------------------------------------------------------------------------------------------------------


async def _send_raw_email(form: Form) -> Asked:
    if not form.has("RawMessage.Data"):
        raise SesError(Kind.MISSING, "RawMessage.Data is required.")
    return Asked(
        from_=await form.text("Source"),
        to=await form.texts("Destinations"),
        raw=await form.blob("RawMessage.Data"),
        configuration_set=await form.text("ConfigurationSetName"),
        tags=await _tags(form),
        most_bytes=V1_MAX_BYTES,
        naming=of_v1_raw,
    )


async def _send_email(form: Form) -> Asked:
    if not form.has("Source"):
        raise SesError(Kind.MISSING, "Source is required.")
    if not form.has("Message.Subject.Data"):
        raise SesError(Kind.MISSING, "Message.Subject.Data is required.")
    to, cc, bcc = [await form.texts(f"Destination.{name}Addresses") for name in ("To", "Cc", "Bcc")]
    mail = partial(
        StructuredMail,
        from_=await form.text("Source"),
        subject=await form.text("Message.Subject.Data"),
        text=await _body(form, "Text"),
        html=await _body(form, "Html"),
    )
    return Asked(
        from_=await form.text("Source"),
        bounces_to=await form.text("ReturnPath"),
        to=to,
        cc=cc,
        bcc=bcc,
        reply_to=await form.texts("ReplyToAddresses"),
        structured=mail,
        configuration_set=await form.text("ConfigurationSetName"),
        tags=await _tags(form),
        most_bytes=V1_MAX_BYTES,
        naming=of_v1,
    )


async def _body(form: Form, kind: str) -> Body | None:
    if not form.has(f"Message.Body.{kind}.Data"):
        return None
    charset = await form.text(f"Message.Body.{kind}.Charset")
    return Body(content=await form.text(f"Message.Body.{kind}.Data"), charset=charset or "utf-8")


async def _tags(form: Form) -> list[tuple[str, str]]:
    return [
        (await form.text(f"Tags.member.{place}.Name"), await form.text(f"Tags.member.{place}.Value"))
        for place in form.places("Tags")
    ]
