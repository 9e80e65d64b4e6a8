"""`kseal keys wrap` and `unwrap`: private keys encrypted where they are, and the way back.

Each Secret is changed by one request that holds only for the version that was read: whenever this ends, each key is
there, plain or wrapped, and a second run goes on.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.errors import KsealError
from sealer.cli import files, listing
from sealer.cli.keystore import Keystore, Stored, open_store
from sealer.cli.misuse import Misused
from sealer.cli.verb import Given
from sealer.keysecret import ACTIVE
from sealer.wrappedkey import is_of_first_layout, with_plain
from sealer.wrapping import check_certificate
from sealer.wrappingkey import written

if TYPE_CHECKING:
    from sealer.cli.terminal import Terminal

_DIFFERENT = 3
_Change = tuple[Stored, dict[str, Any] | None]
"""A key and its Secret as it is to be; None where it is so already."""


def run(action: str, words: Sequence[str], given: Given, terminal: "Terminal", environ: Mapping[str, str]) -> int:
    """Everything is made ready, and tried, before the first Secret is written. Raises: Misused, KsealError."""
    _check(action, words, given)
    store = open_store(given, environ)
    chosen = _chosen(store, words, terminal)
    changes = [_wrapped(store, one) if action == "wrap" else _plain(one) for one in chosen]
    is_dry = given.flag("dry-run")
    if not is_dry:
        _write(store, changes)
    _report(action, changes, given)
    if any(change for _, change in changes) and not is_dry:
        _say_what_remains(action, terminal)
    return _DIFFERENT if is_dry and any(change for _, change in changes) else 0


def _check(action: str, words: Sequence[str], given: Given) -> None:
    if bool(words) == given.flag("all"):
        raise Misused(f"keys {action} takes fingerprints, or --all", hint="kseal keys list shows the fingerprints")
    if action == "wrap" and not given.texts("with"):
        raise Misused("what to wrap with is not named", hint="--with age:age1…, vault:https://… or aws-kms:ARN")
    if action == "unwrap" and not given.flag("plaintext"):
        raise Misused(
            "private keys would stand in the cluster unencrypted, which has to be said", hint="add --plaintext"
        )


def _chosen(store: Keystore, words: Sequence[str], terminal: "Terminal") -> list[Stored]:
    """The Secrets of these fingerprints, or all of them. Raises: KsealError for one that is not there."""
    if not words:
        store.require_opened()
        for one in store.stored:
            if one.error is not None:
                terminal.warning(f"Secret/{store.namespace}/{one.name}: left as it is: {one.error.message}")
    for word in words:
        for one in store.closed:
            if one.wrapped is not None and one.wrapped.fingerprint == word:
                raise store.why_closed(one)
        if not store.holding(word):
            known = ", ".join(key.fingerprint for key in store.ring)
            raise KsealError(f"no key has the fingerprint {word}", f"there are {known}" if known else None)
    return [one for one in store.stored if one.key and (not words or one.key.fingerprint in words)]


def _wrapped(store: Keystore, one: Stored) -> _Change:
    assert one.key is not None  # noqa: S101  # chosen for it
    place = f"Secret/{store.namespace}/{one.name}"
    wanted = sorted(map(written, store.wrapping.keys))
    if one.wrapped is not None and one.label != ACTIVE and sorted(one.wrapped.wrapped_with) == wanted:
        return one, None
    if is_of_first_layout(one.raw):
        raise KsealError(
            f"{place}: the original reads it by its name, whatever its label is, and would crash on a wrapped key",
            "wrap the others by their fingerprints, and retire this one once nothing uses it",
        )
    try:
        check_certificate(one.key)
        return one, store.wrapping.wrapped(one.raw, one.key)
    except KsealError as error:
        raise KsealError(f"{place}: not wrapped: {error.message}", error.hint) from error


def _plain(one: Stored) -> _Change:
    assert one.key is not None  # noqa: S101  # chosen for it
    return one, None if one.wrapped is None else with_plain(one.raw, one.key)


def _write(store: Keystore, changes: Sequence[_Change]) -> None:
    """Each by one request, which the API server refuses when the Secret has changed since. Raises: ApiError."""
    from engine.kube.refs import SECRETS

    for _, changed in changes:
        if changed is not None:
            store.client.update(SECRETS, changed)


def _report(action: str, changes: Sequence[_Change], given: Given) -> None:
    done = f"would be {action}ped" if given.flag("dry-run") else f"{action}ped"
    rows = [
        (one.name, one.key.fingerprint if one.key else "-", "unchanged" if changed is None else done)
        for one, changed in changes
    ]
    if given.text("output") == "json":
        fields = ("secret", "fingerprint", "result")
        files.write_output(listing.as_json([dict(zip(fields, row, strict=True)) for row in rows]), None)
    else:
        files.write_output(listing.table(("SECRET", "FINGERPRINT", "RESULT"), rows), None)


def _say_what_remains(action: str, terminal: "Terminal") -> None:
    if action == "wrap":
        terminal.hint(
            "older backups of etcd still hold these keys in plain; kseal keys renew makes one that never was",
        )
    else:
        terminal.hint("a controller with --wrap-keys-with goes on making wrapped keys")
