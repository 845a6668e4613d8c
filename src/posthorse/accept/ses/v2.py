"""SES v2 (2019-09-27): which operation a method and path mean, and its JSON.

Offered: sending, and what sending clients ask when they start, by the paths of older and newer client libraries. Every
other operation of the model is refused by name, so that nobody takes its silence for success.

Source: service model of SESv2.
"""

from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qs

import msgspec

from posthorse.accept.ses.account import Account, page
from posthorse.accept.ses.answers import Answer, v2_error, v2_result
from posthorse.accept.ses.asked import V2_MAX_BYTES, Asked
from posthorse.accept.ses.errors import Kind, SesError
from posthorse.accept.ses.operation import Call
from posthorse.accept.ses.operations import v2_operation
from posthorse.accept.ses.v2_send import read_send_email
from posthorse.mail.ids import MessageId

SEND_EMAIL: Final = "/v2/email/outbound-emails"
MAX_PAGE_BYTES: Final = 16 << 10
"""Of a request for a part of a list."""
_PREFIX_LENGTH = len("/v2/email/")


class _Page(msgspec.Struct, rename="pascal"):
    next_token: str | None = None
    page_size: int | None = None


class V2:
    """Version 2."""

    max_request_bytes = V2_MAX_BYTES // 3 * 4 + (1 << 20)
    """The largest message in base64, and what stands around it."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._offered: dict[str, Callable[[Call], object]] = {
            "GetAccount": self._get_account,
            "GetEmailIdentity": self._get_email_identity,
            "ListEmailIdentities": self._list_email_identities,
            "ListConfigurationSets": self._list_configuration_sets,
        }

    async def perform(self, call: Call) -> Asked | Answer:
        """As `Version` says."""
        if call.path == SEND_EMAIL and call.method == "POST":
            return await read_send_email(call.body)
        name = v2_operation(call.method, call.path[_PREFIX_LENGTH:])
        if not name:
            raise SesError(Kind.UNKNOWN_OPERATION, "There is no such operation.")
        offered = self._offered.get(name)
        if offered is None:
            if name == "SendEmail":
                raise SesError(
                    Kind.UNKNOWN_OPERATION, "SendEmail is at /v2/email/outbound-emails, without a slash behind."
                )
            raise SesError(Kind.NOT_OFFERED, f"{name} is not offered by this gateway.")
        return v2_result(offered(call))

    def receipt(self, call: Call, receipt: MessageId) -> Answer:
        """As `Version` says."""
        return v2_result({"MessageId": receipt.hex()})

    def error(self, error: SesError, request_id: str) -> Answer:
        """As `Version` says."""
        return v2_error(error)

    # --- what clients ask when they start ----------------------------------------------------------------------------

    def _get_account(self, call: Call) -> object:
        quota = self._account.quota(call.caller.tenant)
        return {
            "DedicatedIpAutoWarmupEnabled": False,
            "EnforcementStatus": "HEALTHY",
            "ProductionAccessEnabled": True,
            "SendQuota": {
                "Max24HourSend": quota.max_24_hour,
                "MaxSendRate": quota.max_per_s,
                "SentLast24Hours": quota.sent_24_hours,
            },
            "SendingEnabled": True,
            "SuppressionAttributes": {"SuppressedReasons": ["BOUNCE", "COMPLAINT"]},
        }

    def _get_email_identity(self, call: Call) -> object:
        identity = call.path.rstrip("/").rpartition("/")[2]
        if not self._account.verified(call.caller.tenant, identity):
            raise SesError(Kind.NOT_FOUND, "The email identity does not exist here.")
        return {
            "IdentityType": "EMAIL_ADDRESS" if "@" in identity else "DOMAIN",
            "FeedbackForwardingStatus": False,
            "VerifiedForSendingStatus": True,
            "VerificationStatus": "SUCCESS",
            "DkimAttributes": {"SigningEnabled": False, "Status": "NOT_STARTED", "Tokens": []},
            "MailFromAttributes": {"BehaviorOnMxFailure": "USE_DEFAULT_VALUE"},
            "Policies": {},
            "Tags": [],
        }

    def _list_email_identities(self, call: Call) -> object:
        wanted = _page(call)
        names, more = page(self._account.identities(call.caller.tenant), wanted.page_size, wanted.next_token or "")
        listed = [
            {
                "IdentityType": "DOMAIN",
                "IdentityName": name,
                "SendingEnabled": True,
                "VerificationStatus": "SUCCESS",
            }
            for name in names
        ]
        return {"EmailIdentities": listed} | _token(more)

    def _list_configuration_sets(self, call: Call) -> object:
        wanted = _page(call)
        names, more = page(self._account.offered.configuration_sets, wanted.page_size, wanted.next_token or "")
        return {"ConfigurationSets": names} | _token(more)


def _token(more: str) -> dict[str, str]:
    return {"NextToken": more} if more else {}


def _page(call: Call) -> _Page:
    """What part of a list is wanted: newer clients say it in the body, older ones in the query."""
    try:
        if call.method == "POST":
            if len(call.body) > MAX_PAGE_BYTES:
                raise ValueError("nobody asks for a page like that")
            return msgspec.json.decode(call.body or b"{}", type=_Page)
        query = parse_qs(call.query.decode("ascii"), max_num_fields=20)
        given = {name: values[-1] for name, values in query.items()}
        return msgspec.convert(given, _Page, strict=False)
    except (ValueError, RecursionError):
        raise SesError(Kind.UNREADABLE, "NextToken must be a text and PageSize a number.") from None
