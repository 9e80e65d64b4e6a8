"""Credentials for services that keep keys, as a Secret holds them, and the variables that stand for the same.

Source: fluxcd/kustomize-controller internal/decryptor, internal/sops/awskms and azkv; the variables are those that the
services' own libraries read.
"""

from collections.abc import Mapping
from typing import Any, Final

from engine.errors import KsealError
from engine.kube.documents import DocumentError, Limits

ITEMS: Final[Mapping[str, str]] = {
    "hc_vault": "sops.vault-token",
    "kms": "sops.aws-kms",
    "azure_kv": "sops.azure-kv",
    "gcp_kms": "sops.gcp-kms",
}
"""Kinds of key that a service keeps, and the item of a Secret with the credentials for it."""

_LIMITS: Final = Limits(bytes=64 * 1024, depth=8, nodes=200, aliased=20, documents=1)


def environment(kind: str, data: bytes, where: str) -> dict[str, str]:
    """The variables that the item for a kind stands for; `where` is how errors call it. Raises: KsealError."""
    if kind == "hc_vault":
        return {"VAULT_TOKEN": _text(data, where).strip()}
    fields = _fields(data, where)
    if kind == "gcp_kms":
        _check_google(fields, where)
        return {"GOOGLE_CREDENTIALS": _text(data, where).strip()}
    return _of_aws(fields, where) if kind == "kms" else _of_azure(fields, where)


def is_of_machine(kind: str, environ: Mapping[str, str]) -> bool:
    """Whether variables for a kind only choose among the identities of the machine that runs this."""
    return kind == "azure_kv" and "AZURE_CLIENT_SECRET" not in environ


def _check_google(fields: Mapping[str, str], where: str) -> None:
    """Nothing but a key of a service account: Google's library reads a path as that of a file, and other types name
    files and programs of this machine, and to whom their content is sent."""
    if fields.get("type") != "service_account":
        raise KsealError(f"{where}: not the key of a service account", "its JSON has the type service_account")


def _of_aws(fields: Mapping[str, str], where: str) -> dict[str, str]:
    names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
    for name in names[:2]:
        if not fields.get(name):
            raise KsealError(f"{where}: {name} is missing")
    return {name.upper(): fields[name] for name in names if fields.get(name)}


def _of_azure(fields: Mapping[str, str], where: str) -> dict[str, str]:
    """A service principal in either spelling, or a managed identity, which is a client alone."""
    if fields.get("clientCertificate"):
        raise KsealError(f"{where}: a client certificate is not supported", "use clientSecret, or a managed identity")
    named = {
        "AZURE_TENANT_ID": fields.get("tenantId") or fields.get("tenant"),
        "AZURE_CLIENT_ID": fields.get("clientId") or fields.get("appId"),
        "AZURE_CLIENT_SECRET": fields.get("clientSecret") or fields.get("password"),
        "AZURE_AUTHORITY_HOST": fields.get("authorityHost"),
    }
    given = {name: text for name, text in named.items() if text}
    if "AZURE_CLIENT_ID" not in given or ("AZURE_TENANT_ID" in given) != ("AZURE_CLIENT_SECRET" in given):
        raise KsealError(f"{where}: neither a service principal nor a managed identity")
    return given


def _text(data: bytes, where: str) -> str:
    if len(data) > _LIMITS.bytes:
        raise KsealError(f"{where}: more than {_LIMITS.bytes} bytes")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise KsealError(f"{where}: not UTF-8") from None


def _fields(data: bytes, where: str) -> dict[str, str]:
    """A mapping of texts in YAML or JSON. Raises: KsealError."""
    from engine.kube.yaml import Dialect, read_all

    try:
        documents = read_all(data, dialect=Dialect.V3, source=where, limits=_LIMITS)
    except DocumentError as error:
        raise KsealError(error.message, error.hint) from None
    found: Any = documents[0] if documents else None
    if not isinstance(found, dict):
        raise KsealError(f"{where}: not a mapping")
    for name, value in found.items():
        if value is not None and not isinstance(value, str | bool):
            raise KsealError(f"{where}: {name} is no text", "put it between quotes")
    return {name: value for name, value in found.items() if isinstance(value, str)}
