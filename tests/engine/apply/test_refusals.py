"""Refusals in Flux's words, and which of them a deletion would help against."""

import pytest

from engine.kube.errors import (
    AlreadyExists,
    ApiError,
    Cause,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Unavailable,
    Unreachable,
)
from engine.kube.refs import ObjectRef
from engine.refusals import fails_anew, may_be_immutable, worded

REF = ObjectRef("", "Service", "n", "web")


@pytest.mark.parametrize(
    ("error", "what", "said"),
    [
        (
            Invalid(f'{REF}: invalid: Service "web" is invalid: x: y', status=422, reason="Invalid"),
            "dry-run failed",
            'dry-run failed (Invalid): Service "web" is invalid: x: y',
        ),
        (
            NotFound(f'{REF}: not found: namespaces "n" not found', status=404, reason="NotFound"),
            "dry-run failed",
            'not found: namespaces "n" not found',
        ),
        (
            Conflict(f"{REF}: conflict: x", status=409, causes=(Cause("f", "FieldManagerConflict"),)),
            "dry-run failed",
            "dry-run failed (FieldManagerConflict): x",
        ),
        (Forbidden(f"{REF}: forbidden", status=403, reason="Forbidden"), "apply failed", "apply failed: forbidden"),
        (Unreachable(f"{REF}: no connection: refused"), "dry-run failed", "dry-run failed: refused"),
        (ApiError(f"{REF}: invalid: failed to: .x", status=500), "dry-run failed", "dry-run failed: failed to: .x"),
        (Unavailable(f"{REF}: the server: away", status=500), "dry-run failed", "dry-run failed: away"),
    ],
)
def test_a_refusal_is_told_in_the_words_of_flux(error: ApiError, what: str, said: str) -> None:
    assert str(worded(REF, error, what)) == f"{REF} {said}"


@pytest.mark.parametrize(
    ("error", "is_so"),
    [
        (Conflict("x"), True),
        (Invalid("x"), True),
        (Forbidden("x: forbidden: the spec is immutable: no"), True),
        (ApiError("x: an immutable field was changed"), True),
        (Forbidden("x: it is not immutable"), False),
        (Unreachable("x"), False),
    ],
)
def test_what_counts_as_immutable(error: ApiError, is_so: bool) -> None:
    assert may_be_immutable(error) is is_so


def invalid(**causes: str) -> Invalid:
    """Causes by field, whose dots are underscores here, with their messages."""
    return Invalid("x", causes=tuple(Cause(key.replace("_", "."), "FieldValueInvalid", causes[key]) for key in causes))


@pytest.mark.parametrize(
    ("creation", "is_so"),
    [
        (invalid(spec_type="no"), True),
        (invalid(spec_ports="provided port is already allocated"), False),
        (invalid(metadata_name="must be a.b"), False),
        (invalid(metadata_name="must be a.b", spec_type="no"), True),
        (Forbidden("x: forbidden: exceeded quota: q"), False),
        (Forbidden("x: forbidden: user cannot create services"), True),
        (AlreadyExists("x"), False),
        (Conflict("x"), False),
    ],
)
def test_what_would_be_refused_again_when_it_is_made_anew(creation: ApiError, is_so: bool) -> None:
    assert fails_anew(creation) is is_so
