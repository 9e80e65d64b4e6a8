"""Which HTTP proxy stands between us and the API server, from the environment's point of view.

Source: golang.org/x/net/http/httpproxy, whose rules kubectl follows.
"""

import ipaddress
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

from engine.kube.errors import ConfigError


def from_environment(server: str, environ: Mapping[str, str]) -> str | None:
    """The proxy's URL for this server; None to go straight there. Loopback is never reached through a proxy."""
    url = urlsplit(server)
    names = {"https": ("HTTPS_PROXY", "https_proxy"), "http": ("HTTP_PROXY", "http_proxy")}.get(url.scheme, ())
    proxy = next((environ[name] for name in names if environ.get(name)), None)
    if proxy is None or _goes_straight(url, environ.get("NO_PROXY") or environ.get("no_proxy") or ""):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def parse(url: str, source: str) -> SplitResult:
    """The parts of a proxy's URL. Raises: ConfigError, without the URL, which may have a password in it."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme == "http" and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable:
        raise ConfigError(
            f"{source}: this proxy cannot be used", "kseal speaks to proxies as http://HOST:PORT, with CONNECT"
        )
    return parts


def _goes_straight(url: SplitResult, no_proxy: str) -> bool:
    host = (url.hostname or "").rstrip(".").lower()
    port = url.port or (443 if url.scheme == "https" else 80)
    address = _address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        return True
    return any(_matches(entry, host, address, port) for entry in no_proxy.lower().replace(",", " ").split())


def _matches(entry: str, host: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address | None, port: int) -> bool:
    """One entry of NO_PROXY: `*`, a network, an address, `.sub.domain`, `domain`; the last three also with `:port`."""
    if entry == "*":
        return True
    if "/" in entry:
        try:
            return address is not None and address in ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return False
    name, wanted_port = _split_port(entry)
    if wanted_port is not None and wanted_port != port:
        return False
    if (wanted := _address(name)) is not None:
        return wanted == address
    name = name.removeprefix("*")
    return host.endswith(name) if name.startswith(".") else host == name or host.endswith(f".{name}")


def _split_port(entry: str) -> tuple[str, int | None]:
    if entry.startswith("["):
        inner, _, rest = entry[1:].partition("]")
        return inner, int(rest[1:]) if rest[1:].isdecimal() else None
    name, colon, port = entry.rpartition(":")
    if colon and port.isdecimal() and ":" not in name:
        return name, int(port)
    return entry, None


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
