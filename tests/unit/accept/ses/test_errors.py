"""Errors of the SES front: total over refusals, and what each version's libraries know."""

import gzip
import json
from pathlib import Path
from typing import Any

import botocore
import pytest

from posthorse.accept import refusal
from posthorse.accept.refusal import RefusalKind, Refused
from posthorse.accept.ses.errors import _KINDS, Kind, of_refusal

RETRIED_V2 = {429, 500}


def test_every_refusal_has_an_error() -> None:
    """A kind of refusal without one cannot come into being."""
    assert set(_KINDS) == set(RefusalKind)


@pytest.mark.parametrize("kind", RefusalKind)
def test_only_what_may_succeed_later_is_repeated(kind: RefusalKind) -> None:
    """Libraries repeat a throttling and our own trouble, and nothing else."""
    error = of_refusal(Refused(kind=kind, code=451, enhanced="4.0.0", text="x"))
    later = {"connections", "rate", "overload", "disk_low", "spool", "bug"}
    assert (error.kind.v2()[0] in RETRIED_V2) is (kind.value in later)
    assert (error.kind.v1()[1] in ("Throttling", "InternalFailure")) is (kind.value in later)


def test_texts_are_those_of_ses() -> None:
    """What applications match on, without the words of SMTP in front."""
    assert of_refusal(refusal.RATE_EXCEEDED).text == "Maximum sending rate exceeded."
    assert of_refusal(refusal.sender_not_verified("a.example")).text == (
        "Email address is not verified. The following identities failed the check: a.example"
    )


@pytest.mark.parametrize("kind", [Kind.MESSAGE_REJECTED, Kind.INVALID, Kind.NOT_FOUND, Kind.THROTTLED, Kind.INTERNAL])
def test_v2_types_and_statuses_are_those_of_the_model(kind: Kind) -> None:
    """Each error that the model of v2 has is raised with the model's own HTTP status."""
    shapes = _model("sesv2")["shapes"]
    status, name = kind.v2()
    assert shapes[name]["error"]["httpStatusCode"] == status


@pytest.mark.parametrize("kind", [Kind.MESSAGE_REJECTED])
def test_v1_codes_are_those_of_the_model(kind: Kind) -> None:
    """Each error that the model of v1 has is raised with the model's own code and HTTP status."""
    status, code = kind.v1()
    known = {
        (shape["error"]["httpStatusCode"], shape["error"]["code"])
        for shape in _model("ses")["shapes"].values()
        if "code" in shape.get("error", {})
    }
    assert (status, code) in known


def _model(service: str) -> dict[str, Any]:
    folder = max((Path(botocore.__file__).parent / "data" / service).iterdir())
    packed = folder / "service-2.json.gz"
    text = gzip.decompress(packed.read_bytes()) if packed.exists() else (folder / "service-2.json").read_bytes()
    model: dict[str, Any] = json.loads(text)
    return model
