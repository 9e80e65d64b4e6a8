"""From a refusal of the API server to an error of ours, without letting a Secret's content through.

The server's `Status` object has a reason word, a message for people and a list of causes. The message may quote
what was sent (`data[password]: Invalid value: "hunter2"`), so for Secrets it is dropped and rebuilt from the parts
that cannot hold a value: reason words, field paths, user names, names of webhooks.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from engine.kube.errors import (
    AlreadyExists,
    ApiError,
    Cause,
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    NotServed,
    ServerTimeout,
    TooLarge,
    TooManyRequests,
    Unauthorized,
    Unavailable,
)
from engine.kube.refs import SECRETS, Resource

FIELD_LIMIT = 200  # characters of a field's path
MESSAGE_LIMIT = 600  # characters of a server's message; a webhook may answer with a whole document

_BY_STATUS: dict[int, type[ApiError]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    413: TooLarge,
    422: Invalid,
    429: TooManyRequests,
    504: ServerTimeout,
}
# Words that say more than the number. Source: k8s.io/apimachinery pkg/apis/meta/v1/types.go, StatusReason.
_BY_REASON: dict[str, type[ApiError]] = {
    "AlreadyExists": AlreadyExists,
    "Expired": Gone,
    "Timeout": ServerTimeout,
    "ServerTimeout": ServerTimeout,
}
_WORDS: dict[type[ApiError], str] = {
    AlreadyExists: "already exists",
    Conflict: "conflict",
    Forbidden: "forbidden",
    Gone: "too old",
    Invalid: "invalid",
    NotFound: "not found",
    NotServed: "not served",
    ServerTimeout: "the server ran out of time",
    TooLarge: "too large",
    TooManyRequests: "too many requests",
    Unauthorized: "unauthorized",
    Unavailable: "the server is unavailable",
}
_NO_SCHEMA = "failed to create typed patch object ("
"""A field of the wrong type, or one that its kind has not, in an apply: the server answers that with 500 and no reason.
Source: k8s.io/apimachinery pkg/util/managedfields/internal/structuredmerge.go."""
_MISFIT = re.compile(r"\): (?:errors:\s+)?(\.[^\s:]{1,200}: (?:expected [a-z]+|field not declared in schema))\b")


class Target(NamedTuple):
    """What a request is about, for its error: built before it is sent, so that no body is needed afterwards."""

    text: str
    """`Secret/shop/db`, or the path of a raw request."""
    verb: str
    """The verb as RBAC knows it: get, list, watch, create, update, patch, delete."""
    resource: str = ""
    """The resource as RBAC knows it: `secrets`, `sealedsecrets.bitnami.com/status`; empty for a raw path."""
    namespace: str | None = None
    quotes_secrets: bool = False
    """True when the server's words about it may quote a Secret's values."""

    @classmethod
    def of(
        cls, resource: Resource, verb: str, namespace: str | None, name: str | None, subresource: str | None = None
    ) -> "Target":
        where = namespace if resource.namespaced else None
        rbac = f"{resource.plural}.{resource.group}" if resource.group else resource.plural
        return cls(
            "/".join(part for part in (resource.kind, where, name) if part),
            verb,
            f"{rbac}/{subresource}" if subresource else rbac,
            where,
            resource.group == SECRETS.group and resource.plural == SECRETS.plural,
        )

    @classmethod
    def of_path(cls, path: str, verb: str) -> "Target":
        """For a raw request, where only the path tells; a namespace called `secrets` is treated with care too."""
        return cls(path, verb, quotes_secrets=SECRETS.plural in path.split("/"))


def refusal(
    target: Target, status: int, answer: Mapping[str, Any] | None, *, origin: str, retry_after: float | None = None
) -> ApiError:
    """The error for an answer that is no success. `answer` is its Status object, None when it was none.

    `origin` says whose credentials were used, for the cure.
    """
    reason, said = "", ""
    details: Mapping[str, Any] = {}
    if answer is not None:
        reason, said = _word(answer.get("reason")), _text(answer.get("message"))
        details = found if isinstance(found := answer.get("details"), Mapping) else {}
    is_misfit = status == 500 and said.startswith(_NO_SCHEMA)
    is_known = not target.resource or bool(details.get("name"))
    kind = ApiError if is_misfit else _kind(status, reason, is_known=is_known)
    causes = tuple(_causes(details, quotes_secrets=target.quotes_secrets))
    if retry_after is None and isinstance(seconds := details.get("retryAfterSeconds"), int) and seconds > 0:
        retry_after = float(seconds)
    why = _secret_safe(said, causes, details) if target.quotes_secrets else _one_line(said)
    word = "invalid" if is_misfit else _WORDS.get(kind) or f"refused with status {status}"
    return kind(
        ": ".join(part for part in (target.text, word, why) if part),
        _cure(kind, target, said, origin),
        status=status,
        reason=reason,
        causes=causes,
        retry_after=retry_after,
    )


def _kind(status: int, reason: str, *, is_known: bool) -> type[ApiError]:
    """`is_known`: the answer speaks of an object by name, as only the handler of a known kind can."""
    if status == 404 and not is_known:
        return NotServed
    return _BY_REASON.get(reason) or _BY_STATUS.get(status) or (Unavailable if status >= 500 else ApiError)


def _causes(details: Mapping[str, Any], *, quotes_secrets: bool) -> Iterable[Cause]:
    found = details.get("causes")
    for cause in found if isinstance(found, list) else ():
        if not isinstance(cause, Mapping):
            continue
        reason = _word(cause.get("reason"))
        # Of a field owned by somebody else the message names the manager only; every other may quote the value.
        keep = reason == "FieldManagerConflict" or not quotes_secrets
        yield Cause(
            _one_line(_text(cause.get("field")))[:FIELD_LIMIT],
            reason,
            _one_line(_text(cause.get("message"))) if keep else "",
        )


def _secret_safe(said: str, causes: tuple[Cause, ...], details: Mapping[str, Any]) -> str:
    """What may be told about a refused Secret: who, where and which rule, never what was sent.

    Each form is recognised by how the server begins it, so that a value quoted further on cannot pass for one.
    """
    if causes:
        return ", ".join(" ".join(part for part in (c.field, c.reason, c.message) if part) for c in causes)
    if said.startswith('admission webhook "'):
        webhook = _quoted(said)
        return f'admission webhook "{webhook}" denied it'
    if _text(details.get("kind")) == "namespaces":
        return f'namespace "{_text(details.get("name"))}"'
    if said.startswith(_NO_SCHEMA):
        misfit = _MISFIT.search(said)
        return misfit[1] if misfit else ""
    rule = _rule(said)
    if rule.startswith('User "'):
        verb, what = _denied(rule)
        user = _quoted(rule)
        return f'user "{user}" cannot {verb} {what}'
    if rule.startswith("exceeded quota: "):
        return "the quota of the namespace is used up"
    if rule.startswith("ValidatingAdmissionPolicy '"):
        policy = _quoted(rule, "'")
        return f'policy "{policy}" denied it'
    return ""


def _cure(kind: type[ApiError], target: Target, said: str, origin: str) -> str | None:
    if kind is Unauthorized:
        return f"the server did not accept the credentials of {origin}: log in again, or renew them"
    if kind is Forbidden and (rule := _rule(said)).startswith('User "'):
        verb, what = _denied(rule)
        where = f' in namespace "{target.namespace}"' if target.namespace else " in all namespaces"
        return f'RBAC must allow the verb "{verb}" on "{what or target.resource}"{where if target.resource else ""}'
    if said.startswith(_NO_SCHEMA):
        return "correct that field: its name and place, and quotes around a number or true where a text is expected"
    if kind is NotServed and target.resource:
        return f"the server does not know {target.resource}: is its CustomResourceDefinition installed?"
    return None


def _rule(said: str) -> str:
    """What the server itself says after `secrets "db" is forbidden: `; empty where somebody else speaks."""
    what, _, rule = said.partition("forbidden: ")
    return rule if len(what.split()) <= 3 else ""


def _denied(rule: str) -> tuple[str, str]:
    """Verb and resource out of `User "x" cannot get resource "secrets" in API group "" in the namespace "shop"`.

    Source: k8s.io/apiserver pkg/endpoints/handlers/responsewriters/errors.go, forbiddenMessage.
    """
    tail = rule.partition('" cannot ')[2]
    verb, _, rest = tail.partition(" ")
    kind, _, rest = rest.partition(" ")  # `resource`, or `path` where a URL outside the API was asked for
    what = _quoted(rest)
    group = _quoted(rest.partition("in API group ")[2]) if kind == "resource" else ""
    plural, slash, subresource = what.partition("/")
    return verb, f"{plural}.{group}{slash}{subresource}" if group else what


def _quoted(text: str, quote: str = '"') -> str:
    """The first quoted word, without its quotes; empty when there is none."""
    return text.partition(quote)[2].partition(quote)[0]


def _one_line(said: str) -> str:
    text = " ".join("".join(c if c.isprintable() else " " for c in said).split())
    return text if len(text) <= MESSAGE_LIMIT else f"{text[:MESSAGE_LIMIT]}..."


def _word(value: object) -> str:
    """A reason as the API writes it, `FieldValueInvalid`: whatever is longer or no word came from somebody else."""
    return value if isinstance(value, str) and value.isalnum() and len(value) <= 64 else ""


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
