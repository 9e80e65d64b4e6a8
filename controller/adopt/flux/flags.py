"""How Flux's controllers are set, as far as it decides what they may do and what they work on; against ours."""

from collections.abc import Iterator
from typing import Any, Final

from controller.adopt.flux.installation import Original
from controller.adopt.installation import settings_of_words
from controller.settings import Flux

_COMPARED: Final = (
    "watch-label-selector",
    "no-cross-namespace-refs",
    "no-remote-bases",
    "default-service-account",
    "override-manager",
    "custom-apply-stage-kinds",
    "sops-age-secret",
)
_FIELDS: Final = {
    "overridden_managers": "--override-manager",
    "custom_stages": "--custom-apply-stage-kinds",
    "sops_age_secret": "--sops-age-secret",
}
"""What is no matter of trust, and makes a difference all the same."""


def arguments(original: Original) -> dict[str, str]:
    """The flags of its container; one without a value is `true`."""
    container: dict[str, Any] = original.deployment.container
    words = [str(word) for word in (*(container.get("command") or ()), *(container.get("args") or ()))]
    found: dict[str, str] = {}
    for place, word in enumerate(words):
        if not word.startswith("--"):
            continue
        name, separator, value = word[2:].partition("=")
        if not separator:
            following = words[place + 1] if place + 1 < len(words) else "-"
            value = "true" if following.startswith("-") else following
        found[name] = value
    return found


def weakened(original: Original, ours: Flux) -> Iterator[tuple[str, str]]:
    """What the original is kept from and ours is not: the cause, and the flag that helps."""
    given = arguments(original)
    theirs = _settings(original)
    if given.get("watch-all-namespaces", "true").lower() in ("false", "0", "f"):
        yield (
            "it works on its own namespace only (--watch-all-namespaces=false), kseal on all",
            "let it work on all namespaces first, or keep it",
        )
    if theirs.no_cross_namespace and not ours.restricts_references:
        yield "it refuses references to other namespaces, kseal does not", "set --no-cross-namespace-refs in kseal too"
    if theirs.no_remote_bases and ours.remote_bases:
        yield "it refuses remote bases, kseal does not", "set --no-remote-bases in kseal too"
    if theirs.default_account and theirs.default_account != (ours.default_account or (ours.lockdown and "default")):
        account = theirs.default_account
        yield (
            f"it acts as ServiceAccount {account} by default, kseal as itself or another",
            f"set --default-service-account={account} in kseal too",
        )


def differing(original: Original, ours: Flux) -> Iterator[str]:
    """Flags of the original that ours does not have, or has with another value."""
    theirs = _settings(original)
    for field, flag in _FIELDS.items():
        if (value := getattr(theirs, field)) and value != getattr(ours, field):
            shown = value if isinstance(value, str) else ",".join(sorted(value))
            yield f"{flag}={shown} is not set in kseal"


def _settings(original: Original) -> Flux:
    words = [f"--{name}={value}" for name, value in arguments(original).items() if name in _COMPARED]
    return settings_of_words(words, original.deployment.namespace, original.deployment.ref).flux
