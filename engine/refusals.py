"""What the server refuses to apply: told in Flux's words, and judged whether making the object anew would help.

Source: fluxcd/pkg ssa/errors/{errors,immutable}.go.
"""

import re

from engine.errors import KsealError
from engine.kube.errors import AlreadyExists, ApiError, Conflict, Forbidden, Invalid, NotFound
from engine.kube.refs import ObjectRef

_IMMUTABLE = re.compile(r"is\simmutable|immutable\sfield")
_NAMES = frozenset({"metadata.name", "metadata.generateName"})
_OWN_MANAGER = "FieldManagerConflict"
_OURS = frozenset({"ApiError", "Unavailable"})  # where the server gave no reason


class ApplyError(KsealError):
    """An object was not applied; the cause is the server's refusal, where there was one."""


def worded(ref: ObjectRef, error: ApiError, what: str) -> ApplyError:
    """The refusal as Flux tells it; of the server's words those that the client lets through."""
    if what == "dry-run failed":
        if isinstance(error, NotFound):
            what = "not found"
        else:
            reason = next((cause.reason for cause in error.causes if cause.reason == _OWN_MANAGER), "")
            reason = reason or (error.reason if error.status and error.reason not in _OURS else "")
            what += f" ({reason})" if reason else ""
    found = ApplyError(f"{ref} {what}: {_words(ref, error)}", error.hint)
    found.__cause__ = error
    return found


def unknown_kind(ref: ObjectRef, api_version: str) -> ApplyError:
    """The server does not serve this kind in this version."""
    hint = "is its CustomResourceDefinition installed, and served in this version?"
    return ApplyError(f'{ref} dry-run failed: no matches for kind "{ref.kind}" in version "{api_version}"', hint)


def without_namespace(ref: ObjectRef) -> ApplyError:
    """An object of a kind that lives in namespaces names none."""
    why = f"{ref} namespace not specified: the server could not find the requested resource"
    return ApplyError(why, "set metadata.namespace, or a target namespace for all objects")


def may_be_immutable(error: ApiError) -> bool:
    """Whether the object may have to be made anew. Flux takes every Conflict and every Invalid for that, as kubectl
    does, plain mistakes included: see `fails_anew`."""
    return isinstance(error, Conflict | Invalid) or _IMMUTABLE.search(error.message) is not None


def fails_anew(creation: ApiError) -> bool:
    """Whether an object that is refused when it is created under another name, beside the old one, would also be
    refused in its place: then a deletion would lose the object and win nothing.

    What the old one holds becomes free with it: a port, an address, a share of a quota.
    """
    if isinstance(creation, Conflict | AlreadyExists):
        return False
    if creation.causes:
        return not all(cause.field in _NAMES or "already" in cause.message for cause in creation.causes)
    return not (isinstance(creation, Forbidden) and "quota" in creation.message)


def _words(ref: ObjectRef, error: ApiError) -> str:
    word, _, words = error.message.removeprefix(f"{ref}: ").partition(": ")
    return words or word
