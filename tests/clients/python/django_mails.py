"""Send mail with a backend of Django, as an application would, and tell what came of each.

Reads `{"settings": ..., "mails": [...]}` from standard input (JSON); a mail is the arguments of
`EmailMultiAlternatives`, with `html` and, for django-anymail, `extra` attributes. Writes a list of answers.
"""

import json
import sys
from typing import Any

from django.conf import settings


def main() -> None:
    """All mails, one by one, each through a backend of its own, as Django does."""
    asked = json.load(sys.stdin)
    settings.configure(USE_TZ=True, **asked["settings"])
    json.dump([_outcome(dict(mail)) for mail in asked["mails"]], sys.stdout)


def _outcome(mail: dict[str, Any]) -> dict[str, Any]:
    from django.core.mail import EmailMultiAlternatives

    html, extra = mail.pop("html", ""), mail.pop("extra", {})
    attachments = [tuple(one) for one in mail.pop("attachments", [])]
    message = EmailMultiAlternatives(**mail, attachments=attachments)
    if html:
        message.attach_alternative(html, "text/html")
    for name, value in extra.items():
        setattr(message, name, value)
    try:
        sent = message.send()
    except Exception as error:
        about = getattr(error, "response", None) or getattr(error.__cause__, "response", None) or {}
        return {
            "error": type(error).__name__,
            "code": about.get("Error", {}).get("Code", ""),
            "text": str(error),
            "status": about.get("ResponseMetadata", {}).get("HTTPStatusCode", 0),
            "attempts": about.get("ResponseMetadata", {}).get("RetryAttempts", -1) + 1,
        }
    anymail = getattr(message, "anymail_status", None)
    receipt = anymail.message_id if anymail else message.extra_headers.get("message_id", "")
    request_id = "" if anymail else message.extra_headers.get("request_id", "")
    return {"answer": {"sent": sent, "MessageId": receipt}, "request_id": request_id, "attempts": 1}


if __name__ == "__main__":
    main()
