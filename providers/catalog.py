"""Which plug-in serves what: names to import paths, loaded when used, with the cure when a library is not there.

Plug-ins of others join by an entry point in the group `kseal.key_services`, whose name is the kind of key. They
cannot take the name of one of ours.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from engine.version import VERSION
from providers.base import Destination, KeyService
from providers.errors import Misconfigured

if TYPE_CHECKING:
    from importlib.metadata import EntryPoints

GROUP: Final = "kseal.key_services"
MakeKeyService = Callable[[Mapping[str, str]], KeyService]
MakeDestination = Callable[[Mapping[str, str], Mapping[str, str]], Destination]


class Entry(NamedTuple):
    """One plug-in: where it is, the extra that brings its library, and how far it has been tried."""

    path: str
    extra: str
    maturity: str


KEY_SERVICES: Final[Mapping[str, Entry]] = {
    "kms": Entry("providers.aws.kms:AwsKms", "aws", "held beside sops on moto"),
    "gcp_kms": Entry("providers.gcp.kms:GcpKms", "gcp", "held beside sops on a server that speaks the published REST"),
    "azure_kv": Entry("providers.azure.kms:AzureKeyVault", "azure", "tried on a server that speaks the published REST"),
    "hc_vault": Entry("providers.vault.kms:VaultTransit", "vault", "held beside sops on OpenBao"),
}
"""By the kind of key, as SOPS metadata names it."""

DESTINATIONS: Final[Mapping[str, Entry]] = {
    "s3": Entry("providers.aws.s3:S3Objects", "aws", "held beside sops on moto"),
    "vault": Entry("providers.vault.kv:VaultSecrets", "vault", "held beside sops on OpenBao"),
}
"""Where files are published to, by the names that rules have for them."""


def key_service(kind: str, environ: Mapping[str, str]) -> KeyService:
    """The service for keys of one kind. Raises: Misconfigured when there is none, or its library is not installed."""
    entry = KEY_SERVICES.get(kind)
    if entry is None:
        return _stranger(kind)(environ)
    return cast(MakeKeyService, _loaded(entry, f"keys of kind {kind}"))(environ)


def destination(kind: str, environ: Mapping[str, str], fields: Mapping[str, str]) -> Destination:
    """A place to publish to. Raises: Misconfigured when there is none, or its library is not installed."""
    entry = DESTINATIONS.get(kind)
    if entry is None:
        raise Misconfigured(f"no plug-in publishes to {kind}", f"there are plug-ins for {', '.join(DESTINATIONS)}")
    return cast(MakeDestination, _loaded(entry, f"destinations of kind {kind}"))(environ, fields)


def _loaded(entry: Entry, what: str) -> object:
    from importlib import import_module

    module, _, name = entry.path.partition(":")
    try:
        found: object = getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        wheel = f"./kseal_toolkit-{VERSION}-py3-none-any.whl[{entry.extra}]"
        raise Misconfigured(
            f'{what} need the Python package "{error.name}", which is not installed',
            hint=f'install kseal again from its wheel with the extra [{entry.extra}]: uv tool install "{wheel}"',
        ) from error
    return found


def kinds() -> list[str]:
    """The kinds of key that have a service, ours first, then those of other packages."""
    return [*KEY_SERVICES, *sorted({entry.name for entry in _entry_points()} - set(KEY_SERVICES))]


def _stranger(kind: str) -> MakeKeyService:
    for entry in _entry_points():
        if entry.name == kind:
            return cast(MakeKeyService, entry.load())
    raise Misconfigured(f"no plug-in serves keys of kind {kind}", f"there are plug-ins for {', '.join(kinds())}")


def _entry_points() -> "EntryPoints":
    from importlib.metadata import entry_points

    return entry_points(group=GROUP)
