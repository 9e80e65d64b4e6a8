"""How a webhook proves where it comes from: one rule for each type of Receiver. Pure.

Comparisons take the same time whatever is compared. Source: flux.md section 7.2; fluxcd/notification-controller
internal/server/receiver_handlers.go, validate; google/go-github, ValidatePayload.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import orjson

from controller.runtime.httpwire import Request

UNSUPPORTED: Final = frozenset({"gcr", "generic-oidc"})
"""Types whose proof is a token of an identity provider, which are not judged here."""
_ALGORITHMS: Final = {"sha1": hashlib.sha1, "sha256": hashlib.sha256, "sha512": hashlib.sha512}
_PAYLOADS: Final = frozenset({"application/json", "application/x-www-form-urlencoded"})
_CDEVENT: Final = ("id", "source", "timestamp", "type", "version")


class Denied(Exception):
    """The request does not prove what it should; why, free of any content of it."""


def needs_token(kind: str) -> bool:
    """Whether the proof is made with the token; for other types the path alone is the secret."""
    return kind in {"generic-hmac", "github", "gitlab", "bitbucket", "harbor", "nexus"}


def admit(kind: str, request: Request, token: bytes, events: Sequence[str]) -> None:
    """Let a request pass. `token` is not empty where `needs_token`. Raises: Denied."""
    check = _CHECKS.get(kind)
    if check is None:
        raise Denied(f"the type {kind} is not supported")
    check(request, token)
    header = _EVENT_HEADERS.get(kind)
    if header is not None and events:
        event = request.headers.get(header, "").lower()
        if event not in {wanted.lower() for wanted in events}:
            raise Denied("the event is not one of those wanted")


def _nothing(_: Request, __: bytes) -> None:
    """The path is the secret."""


def _signed(header: str) -> Callable[[Request, bytes], None]:
    def check(request: Request, token: bytes) -> None:
        _check_signature(request.headers.get(header, ""), request.body, token)

    return check


def _check_signature(signature: str, body: bytes, token: bytes) -> None:
    name, _, digest = signature.partition("=")
    algorithm = _ALGORITHMS.get(name)
    if algorithm is None or not token:
        raise Denied("the signature is missing, or by an unknown algorithm")
    if not _is_same(hmac.new(token, body, algorithm).hexdigest(), digest):
        raise Denied("the signature is not good")


def _forge(request: Request, token: bytes) -> None:
    """GitHub, and Bitbucket Server which does the same."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in _PAYLOADS:
        raise Denied("the Content-Type is none of those expected")
    signature = request.headers.get("x-hub-signature-256") or request.headers.get("x-hub-signature", "")
    _check_signature(signature, request.body, token)


def _equal(header: str) -> Callable[[Request, bytes], None]:
    def check(request: Request, token: bytes) -> None:
        if not token or not _is_same(token.decode("utf-8", "replace"), request.headers.get(header, "")):
            raise Denied(f"the header {header} is not the token")

    return check


def _nexus(request: Request, token: bytes) -> None:
    signature = request.headers.get("x-nexus-webhook-signature", "")
    if not token or not _is_same(hmac.new(token, request.body, hashlib.sha1).hexdigest(), signature):
        raise Denied("the signature is missing, or not good")
    _json(request, ())


def _json(request: Request, _: object) -> None:
    if not isinstance(decoded(request.body), dict):
        raise Denied("the body is no JSON object")


def _cdevent(request: Request, _: bytes) -> None:
    body = decoded(request.body)
    context = body.get("context") if isinstance(body, dict) else None
    if not isinstance(context, Mapping) or not all(isinstance(context.get(part), str) for part in _CDEVENT):
        raise Denied("the body is no CDEvent")


def decoded(body: bytes) -> Any:
    """What a body says in JSON; None where it is none."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def _is_same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(errors="replace"), other.encode(errors="replace"))


_CHECKS: Final[dict[str, Callable[[Request, bytes], None]]] = {
    "generic": _nothing,
    "generic-hmac": _signed("x-signature"),
    "github": _forge,
    "gitlab": _equal("x-gitlab-token"),
    "bitbucket": _forge,
    "harbor": _equal("authorization"),
    "dockerhub": _json,
    "quay": _json,
    "acr": _json,
    "nexus": _nexus,
    "cdevents": _cdevent,
}
_EVENT_HEADERS: Final = {
    "github": "x-github-event",
    "gitlab": "x-gitlab-event",
    "bitbucket": "x-event-key",
    "cdevents": "ce-type",
}
