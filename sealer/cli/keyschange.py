"""`kseal keys renew` and `retire`: make the successor of the newest key; take an old one out of use."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from engine.errors import KsealError
from engine.kube.errors import AlreadyExists
from engine.kube.refs import SECRETS
from sealer.cli import files
from sealer.cli.keystore import Keystore
from sealer.cli.keysuse import of_cluster, of_repositories
from sealer.cli.verb import Given
from sealer.keys import SealingKey, generate
from sealer.keysecret import ACTIVE, LABEL, PREFIX, name_after, raw_secret
from sealer.rotation import use

if TYPE_CHECKING:
    from sealer.cli.terminal import Terminal

RETIRED: Final = "retired"
_SECOND: Final = timedelta(seconds=1)
_LONGEST_NAME: Final = 64  # of a common name. Source: RFC 5280, ub-common-name
_ATTEMPTS: Final = 100


def renew(store: Keystore, terminal: "Terminal") -> int:
    """Make the successor of the newest key: as large, as long-lived and called as that. Its fingerprint is the output.

    Raises: KsealError.
    """
    store.require_opened()
    newest = store.newest
    _require_wrapping_again(store, newest)
    if not store.active and next(iter(store.client.list(use.SEALED_SECRETS, limit=1)), None) is not None:
        raise KsealError(
            "SealedSecrets exist, but no active key; a new key would open none of them",
            "restore the keys from their backup: kseal keys restore FILE",
        )
    shape = _like(store, newest)
    if newest is not None:  # times of certificates are whole seconds, and of two keys of one second the older one seals
        time.sleep(min(max((newest.ordered_at + _SECOND - datetime.now(UTC)).total_seconds(), 0.0), 1.0))
    begins = datetime.now(UTC).replace(microsecond=0)
    key = generate(shape.bits, ttl=shape.lifetime, common_name=shape.common_name, now=begins)
    prefix = shape.prefix
    for attempt in range(_ATTEMPTS):
        name = name_after(newest.fingerprint if newest else None, store.namespace, prefix, attempt)
        try:
            store.client.create(
                SECRETS, wrapped_if_asked(store, raw_secret(key, name, store.namespace, prefix=prefix), key)
            )
        except AlreadyExists:
            now = Keystore(store.client, store.namespace, store.wrapping).newest
            if now is not None and (newest is None or now.fingerprint != newest.fingerprint):
                terminal.warning("somebody else renewed the key at the same moment; that one is the newest now")
                files.write_output(f"{now.fingerprint}\n", None)
                return 0
        else:
            terminal.info(f"made Secret/{store.namespace}/{name}")
            terminal.hint("a controller that does not watch its keys takes it in at its next start")
            files.write_output(f"{key.fingerprint}\n", None)
            return 0
    raise KsealError(f"Secrets {prefix}* fill namespace {store.namespace}, and none of them is an active key")


def wrapped_if_asked(store: Keystore, raw: dict[str, Any], key: SealingKey) -> dict[str, Any]:
    """The Secret of a key as it is to be created. Raises: KsealError when it cannot be wrapped."""
    return store.wrapping.wrapped(raw, key) if store.wrapping.keys else raw


def _require_wrapping_again(store: Keystore, newest: SealingKey | None) -> None:
    """Refuse to succeed a wrapped key by a plain one, unless that was unwrapped first. Raises: KsealError."""
    if newest is None or store.wrapping.keys:
        return
    wrapped = next((one.wrapped for one in store.holding(newest.fingerprint) if one.wrapped is not None), None)
    if wrapped is not None:
        words = " ".join(f"--with {name}" for name in wrapped.wrapped_with)
        raise KsealError("the newest key is wrapped, and its successor would not be", f"kseal keys renew {words}")


def retire(store: Keystore, fingerprint: str, given: Given, terminal: "Terminal", environ: Mapping[str, str]) -> int:
    """Relabel the Secrets of a key, when nothing uses it any more or a person insists.

    Raises: KsealError.
    """
    store.require_opened()
    holding = store.holding(fingerprint)
    if not holding:
        known = ", ".join(key.fingerprint for key in store.ring)
        raise KsealError(f"no key has the fingerprint {fingerprint}", f"there are {known}" if known else None)
    active = [one for one in holding if one.state == ACTIVE]
    if not active:
        terminal.info("it is retired already")
        return 0
    is_newest = store.newest is not None and store.newest.fingerprint == fingerprint
    if is_newest:
        raise KsealError(f"{fingerprint} is the key that seals", "make its successor first: kseal keys renew")
    reasons = _reasons(store, fingerprint, given, terminal, environ)
    is_forced = given.flag("force")
    for reason in reasons:
        (terminal.warning if is_forced else terminal.error)(reason)
    if reasons and not is_forced:
        terminal.hint("reseal what uses it: kseal rotate; --force retires it all the same")
        return 1
    for one in active:
        metadata = {"labels": {LABEL: RETIRED}, "resourceVersion": one.raw["metadata"]["resourceVersion"]}
        store.client.patch(SECRETS, store.namespace, one.name, {"metadata": metadata})
        terminal.info(f"Secret/{store.namespace}/{one.name} is labelled {LABEL}={RETIRED}")
    terminal.hint("a controller that does not watch its keys drops it at its next start")
    return 0


def _reasons(
    store: Keystore, fingerprint: str, given: Given, terminal: "Terminal", environ: Mapping[str, str]
) -> list[str]:
    """Why a key must not be retired: who needs it, and what is not known."""
    key = store.holding(fingerprint)[0].key
    assert key is not None  # noqa: S101  # `holding` asks for it
    live = of_cluster(store, terminal)
    repositories = of_repositories(store, given, terminal, environ)
    reasons = []
    for found in (*use.needing(live, key.fingerprint), *use.needing(repositories or [], key.fingerprint)):
        why = "is sealed for it" if found.keys is not None else f"cannot be read, so it may need the key: {found.why}"
        reasons.append(f"{found.place}: {why}")
    if repositories is None:
        reasons.append("no --repo is named, so what Git still holds under this key is not known")
    return reasons


class _Shape(NamedTuple):
    """What a new key has in common with its predecessor; the defaults are the controller's for a first one."""

    bits: int = 4096
    lifetime: timedelta = timedelta(days=3650)
    common_name: str = ""
    prefix: str = PREFIX


def _like(store: Keystore, newest: SealingKey | None) -> _Shape:
    """The shape of a successor."""
    if newest is None:
        return _Shape()
    metadata = store.holding(newest.fingerprint)[0].raw["metadata"]
    shape = _Shape(bits=newest.private_key.key_size, prefix=str(metadata.get("generateName") or PREFIX))
    certificate = newest.certificate
    if certificate is None:
        return shape
    lifetime = certificate.not_after - certificate.not_before
    return shape._replace(lifetime=lifetime, common_name=_common_name(certificate.pem))


def _common_name(certificate: bytes) -> str:
    """The common name of a certificate, empty where there is none that another one could have too."""
    from cryptography import x509

    try:
        names = x509.load_pem_x509_certificate(certificate).subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    except ValueError:
        return ""  # a foreign certificate may have a subject that only its maker can read
    text = names[0].value if names else ""
    return text if isinstance(text, str) and len(text) <= _LONGEST_NAME else ""
