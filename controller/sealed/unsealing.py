"""What a SealedSecret becomes, and the one thing that it never becomes: a sealing key. Needs no cluster."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from controller.sealed.keysecrets import LABEL, TYPE, comes_from_sealed_secret
from controller.settings import Settings
from engine.errors import Stalled
from sealer.keys import Fingerprint
from sealer.ring import KeyRing
from sealer.sealedsecret import SKIP_OWNER, LiveValue, parse, unseal_secret


class Desired(NamedTuple):
    """The Secret of a SealedSecret."""

    secret: dict[str, Any]
    fingerprints: Mapping[str, Fingerprint]
    """The key that opened each item."""
    without_reference: bool
    """The template asks for no owner reference."""


def desired_secret(
    raw: dict[str, Any],
    ring: KeyRing,
    settings: Settings,
    hints: Mapping[str, Fingerprint] | None = None,
    *,
    live_value: LiveValue | None = None,
) -> Desired:
    """Open a raw SealedSecret; `hints` are the fingerprints of the last time, `live_value` says what must not change.

    Raises: UnsealError, FormatError, TemplateError, and what `live_value` raises; Stalled when it would yield a sealing
    key.
    """
    sealed = parse(raw)
    unsealed = unseal_secret(
        sealed,
        ring,
        owner_reference=sealed.owner_reference(),
        hints=hints or {},
        accept_v1_data=settings.unsealing.accept_v1_data,
        live_value=live_value,
    )
    _refuse_sealing_key(unsealed.secret, settings)
    return Desired(unsealed.secret, unsealed.fingerprints, "ownerReferences" not in unsealed.secret["metadata"])


def protected_label(namespace: str, settings: Settings) -> str | None:
    """The label of Secrets in that namespace which are never overwritten."""
    return LABEL if namespace == settings.namespace else None


def _refuse_sealing_key(secret: dict[str, Any], settings: Settings) -> None:
    """Whoever may create SealedSecrets in the controller's namespace must not thereby choose the sealing key.

    Neither the label nor a name that a key has or will have, whatever the type; and the type of a key only with the
    owner reference by which the registry knows it for what it is, should it be labelled later.
    Source: docs/decisions/0005-tls-beside-the-keys.md.
    """
    metadata = secret["metadata"]
    if metadata["namespace"] != settings.namespace:
        return
    if LABEL in (metadata.get("labels") or {}) or metadata["name"].startswith(settings.keys.prefix):
        cure = f"remove the label {LABEL} from spec.template.metadata, or use another name or namespace"
    elif secret.get("type") == TYPE and not comes_from_sealed_secret(secret):
        cure = f"remove the annotation {SKIP_OWNER} from spec.template.metadata, or use another type or namespace"
    else:
        return
    raise Stalled("a SealedSecret never yields a sealing key", cure)
