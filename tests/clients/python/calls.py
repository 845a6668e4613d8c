"""Run calls of the SES API with boto3, as an application would, and tell what came of each.

Reads a list of calls from standard input (JSON; bytes as `{"$bytes": base64}`) and writes a list of answers:
`{"answer": ...}` or `{"error": class, "code": ..., "text": ..., "status": ...}`, both with `attempts`.
"""

import base64
import json
import sys
from typing import Any

import boto3
from botocore import UNSIGNED, xform_name
from botocore.config import Config
from botocore.exceptions import ClientError

_clients: dict[str, Any] = {}


def main() -> None:
    """All calls, in order."""
    json.dump([_outcome(call) for call in json.load(sys.stdin, object_hook=_bytes)], sys.stdout)


def _outcome(call: dict[str, Any]) -> dict[str, Any]:
    try:
        client = _client(call)
        answer = getattr(client, xform_name(call["operation"]))(**call["input"])
    except ClientError as error:
        about, answered = error.response["Error"], error.response["ResponseMetadata"]
        return {
            "error": type(error).__name__,
            "code": about["Code"],
            "text": about.get("Message", ""),
            "status": answered["HTTPStatusCode"],
            "request_id": answered.get("RequestId", ""),
            "attempts": answered["RetryAttempts"] + 1,
        }
    except Exception as error:
        return {"error": type(error).__name__, "code": "", "text": str(error), "status": 0, "attempts": 0}
    answered = answer.pop("ResponseMetadata")
    return {
        "answer": json.loads(json.dumps(answer, default=str)),
        "request_id": answered["RequestId"],
        "attempts": answered["RetryAttempts"] + 1,
    }


def _client(call: dict[str, Any]) -> Any:
    options = {
        name: call.get(name) for name in ("service", "retries", "key", "secret", "token", "endpoint", "unsigned")
    }
    name = json.dumps(options)
    if name not in _clients:
        unsigned = {"signature_version": UNSIGNED} if options["unsigned"] else {}
        _clients[name] = boto3.client(
            options["service"],
            aws_access_key_id=options["key"],
            aws_secret_access_key=options["secret"],
            aws_session_token=options["token"],
            endpoint_url=options["endpoint"],
            config=Config(retries={"mode": options["retries"] or "legacy"}, **unsigned),
        )
    return _clients[name]


def _bytes(value: dict[str, Any]) -> Any:
    return base64.b64decode(value["$bytes"]) if "$bytes" in value else value


if __name__ == "__main__":
    main()
