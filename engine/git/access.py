"""Who asks a repository, and whom he believes, from the data of Secrets: headers and TLS for our own questions, an
environment for git's.

    https   username and password, or bearerToken; ca.crt (older caFile) beside the system's; tls.crt with tls.key
    ssh     identity and known_hosts, both needed; password opens the identity
    proxy   address (http, https or socks5), username, password; goes before the proxies of the environment

Source: fluxcd/pkg git/options.go and runtime/secrets/converter.go. Nothing here prints a value. A credential goes to
the origin of the URL it was given for, and nowhere else.
"""

import hashlib
import hmac
import ipaddress
import os
import shlex
import ssl
import sys
import tempfile
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from copy import copy
from functools import lru_cache
from pathlib import Path
from typing import Final, Self
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from engine.errors import KsealError
from engine.git import relay
from engine.git.wire import Origin, Pinned, Proxy, Resolver, Route, WireError, origin_of

_PROXY_SCHEMES: Final = ("http", "https", "socks5")
_PROXY_PORTS: Final = {"http": 80, "https": 443, "socks5": 1080}
_LONGEST_PROXY: Final = 2_048
_KEY: Final = os.urandom(32)
_DEFAULT_USER: Final = "git"


class AccessError(KsealError):
    """Credentials that are not complete or cannot be used; `is_url` when it is the URL itself."""

    def __init__(self, message: str, hint: str | None = None, *, is_url: bool = False) -> None:
        super().__init__(message, hint)
        self.is_url = is_url


class Access:
    """One repository's URL, without credentials in it, and how to get at it."""

    def __init__(
        self,
        url: str,
        secret: Mapping[str, bytes] | None = None,
        proxy: Mapping[str, bytes] | None = None,
    ) -> None:
        """From the data of the two Secrets. Raises: AccessError."""
        self.url, user, password = _parts(url)
        self.origin = origin_of(self.url)
        self.user = user
        data = {key: value for key, value in (secret or {}).items() if value}
        self._ca = data.get("ca.crt") or data.get("caFile") or b""
        self._certificate, self._key = data.get("tls.crt", b""), data.get("tls.key", b"")
        self._authorization: str | None = None
        self._identity = self._known_hosts = b""
        if self.origin.scheme == "ssh":
            self.user = user or _DEFAULT_USER
            self._read_ssh(data)
        else:
            self._read_http(data, user, password)
        self.proxy = None if proxy is None else _proxy_of(proxy)
        self.lasting = b""
        """What the log-in was made from, where that stays and the log-in does not: tokens of an hour."""
        self.fingerprint = self._fingerprint(_KEY)

    def __repr__(self) -> str:
        return f"<Access to {self.url}>"

    @property
    def is_ssh(self) -> bool:
        return self.origin.scheme == "ssh"

    def stable_fingerprint(self, key: bytes) -> bytes:
        """The same over restarts for the same key; says nothing of the credentials without it."""
        return self._fingerprint(key)

    def within(self, environ: Mapping[str, str]) -> Self:
        """The same, through the proxy that an environment names where the Secret names none. Raises: AccessError."""
        if self.proxy is not None or (found := _environment_proxy(self.origin, environ)) is None:
            return self
        made = copy(self)
        made.proxy = found
        return made

    def headers(self, url: str) -> dict[str, str]:
        """What goes with a request to a URL."""
        if self._authorization is None or not self._is_own(url):
            return {}
        return {"Authorization": self._authorization}

    def route(self, url: str, resolver: Resolver) -> Route:
        """How to get to a URL. Raises: AccessError for certificates that cannot be used."""
        own = self._is_own(url)
        tls = tls_context(self._ca, self._certificate if own else b"", self._key if own else b"")
        return Route(resolver, tls, self.proxy, tls_context(b"", b"", b"") if self.proxy else None)

    @contextmanager
    def environment(self, url: str, resolver: Resolver, scratch: Path) -> Iterator[dict[str, str]]:
        """What a git child has to be told to reach a URL; files of keys live as long as the context.

        Raises: AccessError; what the resolver raises.
        """
        with tempfile.TemporaryDirectory(dir=scratch, prefix="access-") as made:
            folder = Path(made)
            if self.is_ssh:
                yield self._ssh_environment(resolver, folder)
            else:
                settings = self._http_settings(url, resolver, folder)
                yield {
                    "GIT_CONFIG_COUNT": str(len(settings)),
                    **{f"GIT_CONFIG_KEY_{number}": key for number, key in enumerate(settings)},
                    **{f"GIT_CONFIG_VALUE_{number}": value for number, value in enumerate(settings.values())},
                }

    def _read_http(self, data: Mapping[str, bytes], user: str, password: str) -> None:
        if "bearerToken" in data:
            self._authorization = f"Bearer {_line(data, 'bearerToken')}"
            return
        user, password = _line(data, "username") or user, _line(data, "password") or password
        if password and not user:
            raise AccessError(
                f"invalid '{self.origin.scheme}' auth option: 'password' requires 'username' to be set",
                "put the user's name into the key username; for tokens most hosts take any name",
            )
        if user or password:
            self._authorization = "Basic " + b64encode(f"{user}:{password}".encode()).decode()

    def _read_ssh(self, data: Mapping[str, bytes]) -> None:
        for name in ("identity", "known_hosts"):
            if name not in data:
                raise AccessError(
                    f"invalid 'ssh' auth option: '{name}' is required",
                    "the Secret of the source needs identity (a private key) and known_hosts (ssh-keyscan HOST)",
                )
        self._known_hosts = data["known_hosts"]
        self._identity = _opened_key(data["identity"], data.get("password"))

    def _is_own(self, url: str) -> bool:
        """The same host and port; http may become https there, never the other way round."""
        other = origin_of(url)
        return other == self.origin or (
            self.origin == Origin("http", other.host, 80) and other == Origin("https", other.host, 443)
        )

    def _fingerprint(self, key: bytes) -> bytes:
        parts = [
            self.user.encode(),
            self.lasting or (self._authorization or "").encode(),
            self._identity,
            self._known_hosts,
            self._ca,
            self._certificate,
            self._key,
            b"" if self.proxy is None else "\0".join(map(str, self.proxy)).encode(),
        ]
        return hmac.digest(key, b"".join(len(part).to_bytes(8, "big") + part for part in parts), "sha256")

    def _http_settings(self, url: str, resolver: Resolver, folder: Path) -> dict[str, str]:
        origin = origin_of(url)
        settings = {}
        if self._authorization is not None and self._is_own(url):
            settings[f"http.{origin.scheme}://{origin.netloc}/.extraHeader"] = f"Authorization: {self._authorization}"
        if self._ca:
            settings["http.sslCAInfo"] = str(_written(folder / "ca.crt", _system_authorities() + b"\n" + self._ca))
        if self._certificate and self._is_own(url):
            settings["http.sslCert"] = str(_written(folder / "tls.crt", self._certificate))
            settings["http.sslKey"] = str(_written(folder / "tls.key", self._key))
        if self.proxy is None:
            settings["http.proxy"] = ""
            settings["http.curloptResolve"] = _pinned(origin, resolver.resolve(origin.host, origin.port))
        else:
            settings["http.proxy"] = _proxy_url(self.proxy)
            settings["http.proxyAuthMethod"] = "basic"
            if not self.proxy.is_trusted:
                place = Origin("http", self.proxy.host, self.proxy.port)
                settings["http.curloptResolve"] = _pinned(place, resolver.resolve(place.host, place.port))
        return settings

    def _ssh_environment(self, resolver: Resolver, folder: Path) -> dict[str, str]:
        if self.proxy is None:
            pinned = resolver.resolve(self.origin.host, self.origin.port)
            return {"GIT_SSH_COMMAND": self._ssh_command(folder, {"HostName": pinned.address}), "SSH_AUTH_SOCK": ""}
        pinned = resolver.resolve(self.proxy.host, self.proxy.port)
        words = shlex.join([sys.executable, "-m", relay.__name__]) + " %h %p"
        return {
            "GIT_SSH_COMMAND": self._ssh_command(folder, {"ProxyCommand": words}),
            "SSH_AUTH_SOCK": "",
            "PYTHONPATH": str(Path(relay.__file__).parents[2]),
            relay.PROXY: _proxy_url(self.proxy._replace(host=pinned.address)),
            relay.NAME: self.proxy.host,
        }

    def _ssh_command(self, folder: Path, way: Mapping[str, str]) -> str:
        host = self.origin.host if self.origin.port == 22 else f"[{self.origin.host}]:{self.origin.port}"
        options = {
            "BatchMode": "yes",
            "StrictHostKeyChecking": "yes",
            "ForwardAgent": "no",
            "PermitLocalCommand": "no",
            "IdentitiesOnly": "yes",
            "IdentityAgent": "none",
            "UserKnownHostsFile": str(_written(folder / "known_hosts", self._known_hosts.rstrip() + b"\n")),
            "GlobalKnownHostsFile": "/dev/null",
            **way,
            # The key is looked up by the name, whatever address is dialled.
            "HostKeyAlias": host,
            "User": self.user,
        }
        words = ["ssh", "-F", "/dev/null", "-i", str(_written(folder / "identity", self._identity.rstrip() + b"\n"))]
        return shlex.join([*words, *(word for name, value in options.items() for word in ("-o", f"{name}={value}"))])


def _parts(url: str) -> tuple[str, str, str]:
    """The URL without credentials, user and password. For ssh the URL has no user either: ssh is told beside it."""
    try:
        parts = urlsplit(url)
        origin = origin_of(url)
    except (ValueError, WireError) as error:
        raise AccessError(f"failed to parse url '{_without_user(url)}'", is_url=True) from error
    is_plain = not any(character <= " " or character == "\x7f" for character in url)
    if origin.scheme not in ("http", "https", "ssh") or origin.host.startswith("-") or not is_plain:
        raise AccessError(
            f"failed to parse url '{_without_user(url)}'", "it begins with https://, http:// or ssh://", is_url=True
        )
    path = parts.path.rstrip("/")
    path = path if origin.scheme == "ssh" else quote(path, safe="/%~:@!$&'()*+,;=")
    bare = urlunsplit((parts.scheme, origin.netloc, path, "", ""))
    return bare, unquote(parts.username or ""), unquote(parts.password or "")


def _without_user(url: str) -> str:
    head, found, rest = url.partition("://")
    place, slash, path = rest.partition("/")
    return head + found + place.rpartition("@")[2] + slash + path


def _line(data: Mapping[str, bytes], name: str) -> str:
    try:
        text = data.get(name, b"").decode().strip()
    except UnicodeDecodeError:
        raise AccessError(f'the credential "{name}" is not text') from None
    if any(character < " " for character in text):
        raise AccessError(f'the credential "{name}" has control characters in it')
    return text


@lru_cache(maxsize=64)  # a passphrase costs a tenth of a second and more, and polls are many
def _opened_key(identity: bytes, password: bytes | None) -> bytes:
    """A private key without its passphrase, as ssh's batch mode needs it; others stay as they are."""
    is_openssh = b"BEGIN OPENSSH PRIVATE KEY" in identity
    if not is_openssh and b"ENCRYPTED" not in identity:
        return identity
    from cryptography.hazmat.primitives import serialization as form

    load = form.load_ssh_private_key if is_openssh else form.load_pem_private_key
    try:
        key = load(identity, password=password)
    except TypeError:
        if password:  # a passphrase for a key that has none: it is not needed
            return identity
        raise AccessError(
            "SSH identity key is encrypted but no 'password' field was provided in the secret",
            "put the key's passphrase into the key password, or store the key without one",
        ) from None
    except Exception:  # noqa: BLE001  cryptography's own errors quote the key
        if password is None:
            return identity  # of a kind that only ssh reads
        raise AccessError("the SSH identity cannot be opened with the password") from None
    if password is None:
        return identity
    kind = form.PrivateFormat.OpenSSH
    return key.private_bytes(form.Encoding.PEM, kind, form.NoEncryption())


def _proxy_of(data: Mapping[str, bytes]) -> Proxy:
    address = _line(data, "address")
    if not address:
        raise AccessError("the proxy's Secret has no address", "put http://HOST:PORT into the key address")
    if len(address) > _LONGEST_PROXY:
        raise AccessError(f"the proxy's address has more than {_LONGEST_PROXY} characters")
    made = _proxy(address)
    user = _line(data, "username")
    return made._replace(username=user, password=_line(data, "password")) if user else made


def _proxy(address: str) -> Proxy:
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        raise AccessError("the proxy's address cannot be read") from None
    if parts.scheme not in _PROXY_SCHEMES or not parts.hostname:
        raise AccessError(f"a proxy is reached by one of {', '.join(_PROXY_SCHEMES)}", "http://HOST:PORT, for example")
    port = port or _PROXY_PORTS[parts.scheme]
    return Proxy(parts.scheme, parts.hostname, port, unquote(parts.username or ""), unquote(parts.password or ""))


def _environment_proxy(origin: Origin, environ: Mapping[str, str]) -> Proxy | None:
    """The proxy that the environment names for an origin; its administrator is trusted with its address."""
    names = {"https": ("HTTPS_PROXY", "https_proxy"), "http": ("http_proxy",)}.get(origin.scheme, ())
    found = next((environ[name] for name in names if environ.get(name)), None)
    if found is None or _goes_straight(origin, environ.get("NO_PROXY") or environ.get("no_proxy") or ""):
        return None
    return _proxy(found if "://" in found else f"http://{found}")._replace(is_trusted=True)


def _goes_straight(origin: Origin, no_proxy: str) -> bool:
    try:
        address = ipaddress.ip_address(origin.host)
    except ValueError:
        address = None
    if origin.host == "localhost" or (address is not None and address.is_loopback):
        return True
    return any(_is_named(entry, origin, address) for entry in no_proxy.lower().replace(",", " ").split())


def _is_named(entry: str, origin: Origin, address: ipaddress.IPv4Address | ipaddress.IPv6Address | None) -> bool:
    """One entry of NO_PROXY: `*`, a network, or a host or domain, perhaps with a port."""
    if entry == "*":
        return True
    with suppress(ValueError):
        network = ipaddress.ip_network(entry, strict=False)
        return address is not None and address in network
    name, _, port = entry.partition(":")
    name = name.lstrip("*.")
    is_port = not port or port == str(origin.port)
    return is_port and bool(name) and (origin.host == name or origin.host.endswith(f".{name}"))


def _proxy_url(proxy: Proxy) -> str:
    user = f"{quote(proxy.username, safe='')}:{quote(proxy.password, safe='')}@" if proxy.username else ""
    host = f"[{proxy.host}]" if ":" in proxy.host else proxy.host
    scheme = "socks5h" if proxy.scheme == "socks5" else proxy.scheme  # names are the proxy's to resolve
    return f"{scheme}://{user}{host}:{proxy.port}"


def _pinned(origin: Origin, pinned: Pinned) -> str:
    """For curl: look nothing up, dial this."""
    address = f"[{pinned.address}]" if ":" in pinned.address else pinned.address
    return f"{origin.host}:{origin.port}:{address}"


def _written(path: Path, content: bytes) -> Path:
    path.touch(mode=0o600)
    path.write_bytes(content)
    return path


def tls_context(ca: bytes, certificate: bytes, key: bytes) -> ssl.SSLContext:
    """Settings for TLS with the system's authorities and more. Raises: AccessError."""
    if certificate or key:
        return _context(ca, certificate, key)
    return _kept_context(hashlib.sha256(ca).digest(), ca)


@lru_cache(maxsize=64)
def _kept_context(_: bytes, ca: bytes) -> ssl.SSLContext:
    return _context(ca, b"", b"")


def _context(ca: bytes, certificate: bytes, key: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_default_certs()
    try:
        if ca:
            context.load_verify_locations(cadata=ca.decode("ascii"))
    except (ssl.SSLError, ValueError) as error:
        raise AccessError("ca.crt is no PEM certificate") from error
    if bool(certificate) != bool(key):
        raise AccessError("a client certificate needs both tls.crt and tls.key")
    if certificate:
        _present(context, certificate, key)
    return context


def _present(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """The TLS library takes client certificates from files only; this one is in memory where the system has such."""
    with tempfile.TemporaryDirectory() as made:
        if hasattr(os, "memfd_create"):
            descriptor = os.memfd_create("client-certificate")
            path = f"/proc/self/fd/{descriptor}"
        else:
            path = str(Path(made) / "client-certificate")
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(certificate + b"\n" + key)
            file.flush()
            try:
                # An encrypted key would ask the terminal for its passphrase; an empty one makes that a plain failure.
                context.load_cert_chain(path, password=b"")
            except (ssl.SSLError, ValueError) as error:
                raise AccessError(
                    "tls.crt and tls.key cannot be used",
                    "both must be PEM, belong together, and the key must not be encrypted",
                ) from error


@lru_cache(maxsize=1)
def _system_authorities() -> bytes:
    """curl takes a file of authorities instead of the system's, and not beside it."""
    file = ssl.get_default_verify_paths().cafile
    return Path(file).read_bytes() if file and Path(file).is_file() else b""
