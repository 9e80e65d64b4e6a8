"""A client for one server of Vault or OpenBao, from what a person's environment says, and its errors as ours."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import hvac
import requests
from hvac.exceptions import Forbidden, InvalidPath, RateLimitExceeded, Unauthorized, VaultDown

from engine.errors import KsealError
from providers import bounded
from providers.errors import UNREACHED, Denied, Misconfigured, NotFound, Throttled, Unavailable, words

_TIMEOUT_SECONDS: Final = 15
_LIMIT_TOKEN: Final = 8 * 1024
_NAME: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-~")
ODD_ANSWERS: Final = (AttributeError, TypeError, ValueError, RecursionError)
"""What hvac ends with over an answer that has another shape than Vault's, or is nested for ever."""


def connect(environ: Mapping[str, str], address: str) -> Any:
    """A client that follows no redirection, and reads answers only so far."""
    session = bounded.session()
    session.verify, session.cert = _verify(environ), _certificate(environ)
    return hvac.Client(
        url=address,
        token=_token(environ),
        namespace=environ.get("VAULT_NAMESPACE") or None,
        verify=session.verify,  # a session that does not verify would not count alone
        timeout=_TIMEOUT_SECONDS,
        allow_redirects=False,
        session=session,
    )


def is_path(text: str) -> bool:
    """Names between slashes, none of which leads elsewhere, neither as `..` nor by a letter that ends a path."""
    parts = text.split("/")
    return all(part not in ("", ".", "..") and _NAME.issuperset(part) for part in parts)


def refuse_redirection(where: str, answer: object) -> None:
    """Raises: Unavailable for an answer that only names another address, which hvac takes for a success."""
    if isinstance(answer, requests.Response) and answer.status_code >= 300:
        raise Unavailable(f"{where}: Vault sends its callers elsewhere", "a redirection is not followed")


def translated(where: str, error: Exception, allowed: str) -> KsealError:
    """One of providers.errors. `allowed` says what the token has to be allowed."""
    if isinstance(error, requests.RequestException):
        hint = "VAULT_CACERT names the certificate of the authority" if "SSL" in type(error).__name__ else UNREACHED
        return Unavailable(f"{where}: Vault does not answer: {type(error).__name__}", hint)
    if isinstance(error, ODD_ANSWERS):  # its text is of Python, about what the server sent
        return Unavailable(f"{where}: Vault answers with something else than it is asked for", "is it a Vault server?")
    text = error.args[0] if error.args else None
    said = f"{where}: Vault says {words(str(text or type(error).__name__))}"
    if isinstance(error, Unauthorized | Forbidden):
        return Denied(said, f"VAULT_TOKEN, or ~/.vault-token, has the token; {allowed}")
    if isinstance(error, InvalidPath):
        return NotFound(said)
    if isinstance(error, RateLimitExceeded):
        return Throttled(said)
    if isinstance(error, VaultDown) or (error.__class__.__name__ in ("InternalServerError", "BadGateway")):
        return Unavailable(said)
    return Misconfigured(said)


def _token(environ: Mapping[str, str]) -> str:
    if token := environ.get("VAULT_TOKEN"):
        return token
    if not (home := environ.get("HOME")):
        return ""
    try:
        with Path(home, ".vault-token").open(encoding="ascii") as file:
            return file.read(_LIMIT_TOKEN).strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _verify(environ: Mapping[str, str]) -> bool | str:
    if environ.get("VAULT_SKIP_VERIFY", "").lower() in ("1", "t", "true"):
        return False
    return environ.get("VAULT_CACERT") or environ.get("VAULT_CAPATH") or True


def _certificate(environ: Mapping[str, str]) -> tuple[str, str] | None:
    certificate, key = environ.get("VAULT_CLIENT_CERT"), environ.get("VAULT_CLIENT_KEY")
    return (certificate, key) if certificate and key else None
