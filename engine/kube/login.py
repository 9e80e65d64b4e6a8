"""Log-ins that another program or an identity provider performs: `exec` and `auth-provider` of a kubeconfig.

The only importer of the official Kubernetes client, which runs the program and speaks OpenID Connect; it is imported
for such kubeconfigs alone, because it takes a quarter of a second.
"""

import binascii
import os
import threading
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from ssl import get_default_verify_paths
from tempfile import NamedTemporaryFile
from typing import Any, NamedTuple

import orjson
from kubernetes.client import Configuration
from kubernetes.config.config_exception import ConfigException
from kubernetes.config.exec_provider import ExecProvider
from kubernetes.config.kube_config import ConfigNode, KubeConfigLoader

from engine.kube.credentials import ClientCertificate, Headers, checked_token
from engine.kube.errors import ConfigError, LoginError
from engine.kube.kubeconfig import Entry
from engine.kube.yaml import Dialect, read_all, write

EARLY_SECONDS = 10.0
"""Credentials are renewed so long before they expire, for clocks that differ and requests that take their time."""
RENEW_SECONDS = 5.0
"""Credentials younger than that are not renewed after a refusal: others have just done so, or it would not help."""


class Grant(NamedTuple):
    """What a log-in gave. `expires_at` is in seconds since 1970, None for no end."""

    token: str | None
    certificate: ClientCertificate | None
    expires_at: float | None

    def __repr__(self) -> str:
        return f"<Grant until {self.expires_at}>"


class Login:
    """Credentials from a log-in, kept until they expire or the server refuses them. One log-in at a time."""

    def __init__(self, log_in: Callable[[], Grant], *, clock: Callable[[], float] = time.time) -> None:
        self._log_in = log_in
        self._clock = clock
        self._lock = threading.Lock()
        self._grant: Grant | None = None
        self._granted_at = 0.0

    def headers(self) -> Headers:
        token = self._current().token
        return [] if token is None else [("Authorization", f"Bearer {token}")]

    def client_certificate(self) -> ClientCertificate | None:
        return self._current().certificate

    def renew(self) -> None:
        with self._lock:
            if self._clock() - self._granted_at >= RENEW_SECONDS:
                self._grant = None

    def _current(self) -> Grant:
        with self._lock:
            if self._grant is None or self._has_expired(self._grant):
                self._grant = self._log_in()
                self._granted_at = self._clock()
            return self._grant

    def _has_expired(self, grant: Grant) -> bool:
        return grant.expires_at is not None and self._clock() >= grant.expires_at - EARLY_SECONDS


def log_in(user: Entry, cluster: Entry) -> Login:
    """The credentials of a user with `exec` or `auth-provider`; the first log-in happens when they are first needed.

    Raises: ConfigError for an entry that cannot work; later LoginError from the credentials.
    """
    program = user.mapping("exec")
    if program is not None:
        return Login(_program(user, program, cluster))
    provider = user.mapping("auth-provider") or {}
    if provider.get("name") != "oidc":
        raise ConfigError(
            f"{user}: auth-provider {provider.get('name')!r} does not exist any more (since Kubernetes 1.26)",
            "use the log-in program of your cloud instead: an exec entry",
        )
    return Login(_provider(user))


def _program(user: Entry, settings: Mapping[str, Any], cluster: Entry) -> Callable[[], Grant]:
    """Source: k8s.io/client-go pkg/apis/clientauthentication/v1, ExecCredential."""
    entry = Entry("user", user.name, user.file, settings)
    command = entry.text("command")
    if not command or not entry.text("apiVersion"):
        raise ConfigError(f"{user}: exec needs command and apiVersion")
    args, env = settings.get("args") or [], settings.get("env") or []
    if not all(isinstance(arg, str) for arg in args) or not all(_is_variable(item) for item in env):
        raise ConfigError(f"{user}: args of exec must be texts, and env a list of name and value")
    if os.sep in command:
        command = str(entry.path("command"))  # as other paths: from where the kubeconfig is
    node = ConfigNode("exec", {**settings, "command": command})
    about_cluster = ConfigNode("cluster", dict(cluster.fields))

    def run() -> Grant:
        try:
            status = ExecProvider(node, None, about_cluster).run()
        except OSError as error:
            install = entry.text("installHint")
            raise LoginError(f"{user}: cannot run {command!r}: {error.strerror}", install) from error
        except (ConfigException, TypeError, ValueError) as error:
            # Only ConfigException has words for people: what the program said on standard error.
            said = " ".join(str(error).split())[:600] if isinstance(error, ConfigException) else "no ExecCredential"
            raise LoginError(f"{user}: log-in by {command!r} failed: {said}") from None
        return _granted(status, f"{user}: exec")

    return run


def _granted(status: object, source: str) -> Grant:
    if not isinstance(status, dict):
        raise LoginError(f"{source}: the program gave no status")
    values = [status.get(field) for field in ("token", "clientCertificateData", "clientKeyData")]
    if not all(value is None or isinstance(value, str) for value in values):
        raise LoginError(f"{source}: the program's credentials are no texts")
    token, certificate, key = values
    if not token and not (certificate and key):
        raise LoginError(f"{source}: the program gave neither a token nor a certificate with its key")
    expiry = status.get("expirationTimestamp")
    try:
        expires_at = datetime.fromisoformat(expiry).timestamp() if expiry else None
    except (TypeError, ValueError):
        raise LoginError(f"{source}: the program's expirationTimestamp {expiry!r} is no time") from None
    return Grant(
        checked_token(token, source) if token else None,
        ClientCertificate(certificate.encode(), key.encode()) if certificate and key else None,
        expires_at,
    )


def _provider(user: Entry) -> Callable[[], Grant]:
    provider = user.mapping("auth-provider") or {}
    settings = Entry("user", user.name, user.file, provider).mapping("config") or {}
    fields = Entry("user", user.name, user.file, dict(settings))
    for name in ("id-token", "idp-issuer-url", "client-id"):
        if not fields.text(name):
            raise ConfigError(f"{user}: auth-provider oidc needs {name}", "log in again with your provider's tool")
    settings = {"client-secret": "", "refresh-token": "", **settings}
    authority = fields.path("idp-certificate-authority")
    if not settings.get("idp-certificate-authority-data"):
        # Without an authority the official client would not verify the provider at all, and hand it the refresh token.
        settings["idp-certificate-authority"] = str(authority or get_default_verify_paths().cafile or _bundled())
    document = {
        "current-context": "login",
        "contexts": [{"name": "login", "context": {"cluster": "login", "user": "login"}}],
        "clusters": [{"name": "login", "cluster": {}}],
        "users": [{"name": "login", "user": {"auth-provider": {"name": "oidc", "config": settings}}}],
    }

    def ask() -> Grant:
        configuration = Configuration()
        try:
            loader = KubeConfigLoader(document, config_persister=lambda: _remember(user, settings))
            loader.load_and_set(configuration)
        except Exception as error:  # noqa: BLE001  four HTTP and OAuth libraries beneath, each with a family of its own
            # Their texts may quote tokens, so the type alone is told.
            issuer = fields.text("idp-issuer-url")
            raise LoginError(
                f"{user}: {issuer} did not renew the log-in ({type(error).__name__})",
                "log in again with your provider's tool",
            ) from None
        token = checked_token(configuration.api_key.get("BearerToken", "").removeprefix("Bearer "), f"{user}: id-token")
        return Grant(token, None, _expiry(token))

    return ask


def _bundled() -> str:
    import certifi  # comes with the official client

    return certifi.where()


def _remember(user: Entry, settings: Mapping[str, Any]) -> None:
    """Write the renewed tokens into the kubeconfig, as kubectl does: the provider may accept the old ones only once."""
    file = user.file.resolve()
    with suppress(OSError):  # a kubeconfig that is not ours to write: the tokens serve this process
        document = read_all(file.read_bytes(), dialect=Dialect.V2, source=f"kubeconfig {file}")[0]
        for item in document["users"]:
            if item["name"] == user.name:
                config = item["user"]["auth-provider"]["config"]
                config.update({name: settings[name] for name in ("id-token", "refresh-token")})
        _replace(file, write(document))


def _replace(file: Path, text: str) -> None:
    with NamedTemporaryFile("w", dir=file.parent, prefix=f".{file.name}.", delete=False) as temporary:
        try:
            temporary.write(text)
            temporary.flush()
            Path(temporary.name).replace(file)  # made with mode 0600
        except BaseException:
            Path(temporary.name).unlink()
            raise


def _expiry(token: str) -> float | None:
    """The `exp` of a JSON web token; nothing is verified, the API server does that."""
    try:
        payload = orjson.loads(urlsafe_b64decode(token.split(".")[1] + "=="))
        return float(payload["exp"])
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error):
        return None


def _is_variable(item: object) -> bool:
    return isinstance(item, dict) and isinstance(item.get("name"), str) and isinstance(item.get("value"), str)
