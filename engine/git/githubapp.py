"""Log-ins of GitHub Apps: a key of the App is exchanged for a token that is good for an hour.

The App proves itself with a token of its own (RS256, two minutes), finds the installation of an owner where no number
is given, and asks for the installation's token. Sources: docs.github.com, "Authenticating as a GitHub App
installation" and REST "Apps"; fluxcd/pkg auth/githubapp/client.go for the names of the keys.
"""

import hashlib
import re
import threading
import time
from base64 import urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

import orjson

from engine.git.access import Access, AccessError
from engine.git.wire import Resolver, WireError, exchange

APP_ID: Final = "githubAppID"
OWNER: Final = "githubAppInstallationOwner"
INSTALLATION: Final = "githubAppInstallationID"
PRIVATE_KEY: Final = "githubAppPrivateKey"
BASE_URL: Final = "githubAppBaseURL"
USER: Final = b"x-access-token"
_API: Final = "https://api.github.com"
_TIMEOUT_SECONDS: Final = 30.0
_ANSWER_LIMIT: Final = 1 << 20
_KEY_LIMIT: Final = 8 << 10
_MARGIN_SECONDS: Final = 300.0
"""A token that ends so soon is not used any more: a fetch takes a while."""
_REMEMBERED: Final = 100
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,18}")
_OWNER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,98}")


class _App(NamedTuple):
    """What the Secret says."""

    number: str
    key: bytes
    owner: str
    installation: str
    url: str


class _Token(NamedTuple):
    value: bytes
    ends: float


class GitHubApps:
    """Tokens of installations, each asked for once until it is about to end. Thread-safe."""

    def __init__(
        self, resolver: Resolver, *, environ: Mapping[str, str], clock: Callable[[], float] = time.time
    ) -> None:
        self._resolver = resolver
        self._environ = dict(environ)
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens: OrderedDict[bytes, _Token] = OrderedDict()

    def log_in(self, data: Mapping[str, bytes], proxy: Mapping[str, bytes] | None) -> dict[str, bytes]:
        """The data of a Secret for a log-in with name and password, made from that of a GitHub App.

        Raises: AccessError for data that are not complete, and for whatever GitHub refuses.
        """
        app = _read(data)
        key = hashlib.sha256(repr(app).encode()).digest()
        with self._lock:
            token = self._tokens.get(key)
        if token is None or token.ends - _MARGIN_SECONDS <= self._clock():
            token = self._exchanged(app, data, proxy)
            with self._lock:
                self._tokens[key] = token
                self._tokens.move_to_end(key)
                while len(self._tokens) > _REMEMBERED:
                    self._tokens.popitem(last=False)
        kept = {name: data[name] for name in ("ca.crt", "caFile") if name in data}
        return {"username": USER, "password": token.value, **kept}

    def _exchanged(self, app: _App, data: Mapping[str, bytes], proxy: Mapping[str, bytes] | None) -> _Token:
        kept = {name: data[name] for name in ("ca.crt", "caFile") if name in data}
        access = Access(app.url, {"bearerToken": _proof(app, self._clock()).encode(), **kept}, proxy)
        access = access.within(self._environ)
        number = app.installation or self._installation(app, access)
        answer = self._ask("POST", f"{app.url}/app/installations/{number}/access_tokens", access)
        try:
            ends = datetime.fromisoformat(str(answer["expires_at"])).timestamp()
            return _Token(str(answer["token"]).encode(), ends)
        except (KeyError, ValueError) as error:
            raise AccessError("GitHub App: the answer has no token") from error

    def _installation(self, app: _App, access: Access) -> str:
        for kind in ("orgs", "users"):
            try:
                return str(int(self._ask("GET", f"{app.url}/{kind}/{app.owner}/installation", access)["id"]))
            except (AccessError, KeyError, ValueError, TypeError):
                continue  # it is the other kind of owner, or none
        raise AccessError(
            f'GitHub App: no installation for "{app.owner}"', "install the App there, or correct the name of the owner"
        )

    def _ask(self, method: str, url: str, access: Access) -> dict[str, Any]:
        headers = {"Accept": "application/vnd.github+json", "User-Agent": "kseal", **access.headers(url)}
        try:
            answer = exchange(
                method,
                url,
                route=access.route(url, self._resolver),
                headers=headers,
                body=b"" if method == "POST" else None,
                timeout_seconds=_TIMEOUT_SECONDS,
                size_limit=_ANSWER_LIMIT,
            )
        except WireError as error:
            raise AccessError(f"GitHub App: {error.message}", error.hint) from error
        if answer.status not in (200, 201):
            raise AccessError(f"GitHub App: GitHub answered {answer.status}", _cure(answer.status))
        try:
            found = orjson.loads(answer.body)
        except orjson.JSONDecodeError as error:
            raise AccessError("GitHub App: the answer is no JSON") from error
        if not isinstance(found, dict):
            raise AccessError("GitHub App: the answer is no JSON object")
        return found


def _read(data: Mapping[str, bytes]) -> _App:
    def text(name: str) -> str:
        return data.get(name, b"").decode("utf-8", "replace").strip()

    if not _NUMBER.fullmatch(text(APP_ID)):
        raise AccessError(f"'{APP_ID}' must be the number of the App")
    owner, installation = text(OWNER), text(INSTALLATION)
    if bool(owner) == bool(installation):
        raise AccessError(f"exactly one of '{OWNER}' and '{INSTALLATION}' must be set")
    if (owner and not _OWNER.fullmatch(owner)) or (installation and not _NUMBER.fullmatch(installation)):
        raise AccessError(f"'{OWNER if owner else INSTALLATION}' is not understood")
    key = data.get(PRIVATE_KEY, b"")
    if not key or len(key) > _KEY_LIMIT:
        raise AccessError(f"'{PRIVATE_KEY}' must be the private key of the App, in PEM")
    url = text(BASE_URL).rstrip("/") or _API
    if not url.startswith(("https://", "http://")):
        raise AccessError(f"'{BASE_URL}' must be an address over https")
    return _App(text(APP_ID), key, owner, installation, url)


def _proof(app: _App, now: float) -> str:
    """A JSON Web Token by which the App proves itself; GitHub wants whole seconds, and clocks differ."""
    # Imported here: only log-ins of Apps need it, and loading costs 25 ms.
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(app.key, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise AccessError(f"'{PRIVATE_KEY}' is no private key that can be read") from error
    if not isinstance(key, rsa.RSAPrivateKey):
        raise AccessError(f"'{PRIVATE_KEY}' is no RSA key")
    begins = int(now) - 30
    parts = ({"alg": "RS256", "typ": "JWT"}, {"iat": begins, "exp": begins + 120, "iss": app.number})
    signed = b".".join(_encoded(orjson.dumps(part)) for part in parts)
    return (signed + b"." + _encoded(key.sign(signed, padding.PKCS1v15(), hashes.SHA256()))).decode()


def _encoded(content: bytes) -> bytes:
    return urlsafe_b64encode(content).rstrip(b"=")


def _cure(status: int) -> str | None:
    if status == 401:
        return "the key is not one of this App, or the clock of this machine is wrong"
    return "the App is not installed there" if status == 404 else None
