"""What clients of the SES API call the fields of their requests: errors name what they wrote, not what we made of it.

In: the place of a value as `posthorse.accept.structured` has it (`to[2]`, `attachments[0].content_type`), and of those
that are no part of a message (`bcc`, `bounces_to`, `tags`, `configuration_set`). Out: the client's words for it
(`Destination.ToAddresses[2]` in the JSON of v2, `Destination.ToAddresses.member.3` in the forms of v1).

Source: service models of SES 2010-12-01 and SESv2 2019-09-27; AWS's Query protocol for the members of lists.
"""

import re
from collections.abc import Callable, Mapping

Naming = Callable[[str], str]
"""From a place of ours to the client's name for it."""

_PLACE = re.compile(r"(\w+)(?:\[(\d+)\])?(?:\.(\w+))?")

_V2: Mapping[str, str] = {
    "from": "FromEmailAddress",
    "bounces_to": "FeedbackForwardingEmailAddress",
    "to": "Destination.ToAddresses",
    "cc": "Destination.CcAddresses",
    "bcc": "Destination.BccAddresses",
    "reply_to": "ReplyToAddresses",
    "subject": "Content.Simple.Subject",
    "body": "Content.Simple.Body",
    "text": "Content.Simple.Body.Text",
    "html": "Content.Simple.Body.Html",
    "headers": "Content.Simple.Headers",
    "attachments": "Content.Simple.Attachments",
    "raw": "Content.Raw.Data",
    "tags": "EmailTags",
    "configuration_set": "ConfigurationSetName",
}
_PARTS: Mapping[str, str] = {
    "file_name": "FileName",
    "content": "RawContent",
    "content_type": "ContentType",
    "content_id": "ContentId",
    "description": "ContentDescription",
    "disposition": "ContentDisposition",
    "encoding": "ContentTransferEncoding",
    "name": "Name",
    "value": "Value",
}
_V1: Mapping[str, str] = {
    "from": "Source",
    "bounces_to": "ReturnPath",
    "to": "Destination.ToAddresses",
    "cc": "Destination.CcAddresses",
    "bcc": "Destination.BccAddresses",
    "reply_to": "ReplyToAddresses",
    "subject": "Message.Subject",
    "body": "Message.Body",
    "text": "Message.Body.Text",
    "html": "Message.Body.Html",
    "tags": "Tags",
    "configuration_set": "ConfigurationSetName",
}
_V1_RAW: Mapping[str, str] = {**_V1, "to": "Destinations", "raw": "RawMessage.Data"}


def of_v2(place: str) -> str:
    """`SendEmail` of v2."""
    return _named(_V2, place, lambda number: f"[{number}]")


def of_v1(place: str) -> str:
    """`SendEmail` of v1."""
    return _named(_V1, place, lambda number: f".member.{number + 1}")


def of_v1_raw(place: str) -> str:
    """`SendRawEmail` of v1."""
    return _named(_V1_RAW, place, lambda number: f".member.{number + 1}")


def _named(names: Mapping[str, str], place: str, member: Callable[[int], str]) -> str:
    found = _PLACE.fullmatch(place)
    assert found is not None, "places are ours"
    number = member(int(found[2])) if found[2] else ""
    part = f".{_PARTS[found[3]]}" if found[3] else ""
    return names.get(found[1], found[1]) + number + part
