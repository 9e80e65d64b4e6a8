"""Keys of Google Cloud KMS, named by resource.

Source: getsops/sops 3.13.3 gcpkms/keysource.go; Cloud KMS API, cryptoKeys.encrypt and decrypt.
"""

import json
import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from google.api_core import exceptions
from google.api_core.client_options import ClientOptions
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError, RefreshError
from google.cloud import kms
from google.oauth2.credentials import Credentials
from google.oauth2.service_account import Credentials as ServiceAccount
from requests import RequestException

from engine.errors import KsealError
from providers import encoded
from providers.base import WrappingKey
from providers.errors import UNREACHED, Denied, Misconfigured, NotFound, Throttled, Unavailable, words

_NAME: Final = re.compile(r"projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[A-Za-z0-9_-]+")
_SCOPES: Final = ("https://www.googleapis.com/auth/cloudkms",)
_TIMEOUT_SECONDS: Final = 20.0
_LIMIT_CREDENTIALS: Final = 64 * 1024


class GcpKms:
    """One client, made when first used."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._client: Any = None
        self._lock = threading.Lock()

    def wrap(self, key: WrappingKey, data: bytes) -> str:
        """Raises: one of providers.errors."""
        answer = self._call(key, "encrypt", plaintext=data)
        return encoded.encode(answer.ciphertext)

    def unwrap(self, key: WrappingKey) -> bytes:
        """Raises: one of providers.errors."""
        blob = encoded.decode(key.enc, words(key.text("resource_id")))
        return bytes(self._call(key, "decrypt", ciphertext=blob).plaintext)

    def _call(self, key: WrappingKey, method: str, **request: Any) -> Any:
        name = key.text("resource_id")
        if not (name.isascii() and name.isprintable() and _NAME.fullmatch(name)):
            hint = "projects/P/locations/L/keyRings/R/cryptoKeys/K"
            raise Misconfigured(f'"{words(name)}" is no resource name of a key in Google Cloud KMS', hint)
        try:
            call = getattr(self._opened(), method)
            return call(request={"name": name, **request}, timeout=_TIMEOUT_SECONDS, retry=None)
        except (exceptions.GoogleAPIError, GoogleAuthError, RequestException) as error:
            raise _translated(words(name), error) from error

    def _opened(self) -> Any:
        with self._lock:
            if self._client is None:
                endpoint = self._environ.get("SOPS_GCP_KMS_ENDPOINT") or None
                universe = self._environ.get("SOPS_GCP_KMS_UNIVERSE_DOMAIN") or None
                chosen = ClientOptions(api_endpoint=endpoint, universe_domain=None if endpoint else universe)
                is_rest = self._environ.get("SOPS_GCP_KMS_CLIENT_TYPE", "").lower() == "rest"
                self._client = kms.KeyManagementServiceClient(
                    credentials=self._credentials(), transport="rest" if is_rest else "grpc", client_options=chosen
                )
            return self._client

    def _credentials(self) -> Any:
        """From GOOGLE_CREDENTIALS, a path or JSON; from a token; else None, and Google's library looks around."""
        if given := self._environ.get("GOOGLE_CREDENTIALS"):
            return _loaded(given if given.lstrip().startswith("{") else _read(given))
        if token := self._environ.get("GOOGLE_OAUTH_ACCESS_TOKEN"):
            return Credentials(token=token)
        return None


def _read(path: str) -> str:
    try:
        with Path(path).open(encoding="utf-8") as file:
            return file.read(_LIMIT_CREDENTIALS)
    except (OSError, UnicodeDecodeError):
        raise Misconfigured("GOOGLE_CREDENTIALS: neither JSON nor a file that can be read") from None


def _loaded(text: str) -> Any:
    """Credentials of a service account or of a person. Other kinds may lead anywhere, so Google's library is not asked.

    Raises: Misconfigured, which repeats nothing of the text.
    """
    try:
        info = json.loads(text)
        if info["type"] == "authorized_user":
            return Credentials.from_authorized_user_info(info, scopes=_SCOPES)
        if info["type"] == "service_account":
            return ServiceAccount.from_service_account_info(info, scopes=_SCOPES)
    except (ValueError, KeyError, TypeError, GoogleAuthError):
        raise Misconfigured("GOOGLE_CREDENTIALS: no credentials that Google's library can use") from None
    hint = "for other kinds let GOOGLE_APPLICATION_CREDENTIALS name the file"
    raise Misconfigured("GOOGLE_CREDENTIALS: neither a service account nor a person's log-in", hint)


def _translated(name: str, error: Exception) -> KsealError:
    if isinstance(error, DefaultCredentialsError):
        hint = "GOOGLE_CREDENTIALS has a path or JSON; or log in: gcloud auth application-default login"
        return Denied(f"{name}: no Google credentials", hint)
    if isinstance(error, RefreshError):
        return Denied(f"{name}: Google does not accept the credentials")
    if not isinstance(error, exceptions.GoogleAPICallError):
        return Unavailable(f"{name}: Google Cloud does not answer: {type(error).__name__}", UNREACHED)
    said = f"{name}: Google Cloud says {words(str(error.message))}"
    if isinstance(error, exceptions.Forbidden | exceptions.Unauthorized):
        return Denied(said, "the account needs the role roles/cloudkms.cryptoKeyEncrypterDecrypter on the key")
    if isinstance(error, exceptions.NotFound):
        return NotFound(said)
    if isinstance(error, exceptions.TooManyRequests):
        return Throttled(said)
    return Misconfigured(said) if isinstance(error, exceptions.ClientError) else Unavailable(said)
