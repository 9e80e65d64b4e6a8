"""Which addresses may be dialled for users of the cluster, and the address pinned once it was checked.

Names are resolved here, once; who dials gets an address and not the name, so that a second answer of the name server
cannot lead elsewhere. Link-local and metadata addresses hand out the credentials of the machine and are refused.
"""

import ipaddress
import socket
from collections.abc import Sequence
from typing import Final

from engine.git.wire import Pinned
from engine.source.base import SourceError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

METADATA: Final = (
    "169.254.0.0/16",
    "fe80::/10",
    "fd00:ec2::/32",  # AWS over IPv6
    "100.100.100.200/32",  # Alibaba
    "168.63.129.16/32",  # Azure
    "192.0.0.192/32",  # Oracle
    "fd20:ce::254/128",  # Google over IPv6
)
"""Link-local networks, and where clouds keep their metadata elsewhere."""
_OWN: Final = ("127.0.0.0/8", "::1/128", "0.0.0.0/8", "::/128")
_NAT64: Final = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))
"""The well-known prefix, and those of one's own, where the address is in the last 32 bits too when they have 96."""


class Guard:
    """Resolves names and refuses addresses. Thread-safe.

    `allow` are networks that are always let in, `deny` those that are not; the more particular one wins, `allow` when
    both are equal. With `lockdown`, this machine's own addresses are denied as well.
    """

    def __init__(self, *, allow: Sequence[str] = (), deny: Sequence[str] = METADATA, lockdown: bool = False) -> None:
        """Raises: SourceError for what is no network."""
        self._allow = _networks(allow)
        self._deny = _networks([*deny, *(_OWN if lockdown else ())])

    def resolve(self, host: str, port: int) -> Pinned:
        """The first address of a host that may be dialled. Raises: SourceError for no such host, or none allowed."""
        try:
            answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            why = getattr(error, "strerror", None) or "no name of a host"
            raise SourceError(f'host "{host}": cannot be resolved: {why.lower()}') from error
        for family, _, _, _, address in answers:
            if self.is_allowed(str(address[0])):
                return Pinned(family, str(address[0]), port)
        raise SourceError(
            f'host "{host}": its address may not be dialled',
            "link-local and metadata addresses are refused; the administrator can allow networks",
        )

    def is_allowed(self, address: str) -> bool:
        """Whether an address may be dialled; what is no address may not."""
        try:
            found = _real(ipaddress.ip_address(address.partition("%")[0]))
        except ValueError:
            return False
        return _narrowest(found, self._allow) >= _narrowest(found, self._deny)


def _networks(texts: Sequence[str]) -> list[Network]:
    try:
        return [ipaddress.ip_network(text, strict=False) for text in texts]
    except ValueError as error:
        raise SourceError(f"no network: {error}", "for example: 10.0.0.0/8") from error


def _narrowest(address: Address, networks: Sequence[Network]) -> int:
    """Length of the longest prefix that fits; -1 when none does."""
    return max((each.prefixlen for each in networks if address in each), default=-1)


def _real(address: Address) -> Address:
    """What an IPv6 address leads to when it only wraps an IPv4 one."""
    if isinstance(address, ipaddress.IPv6Address):
        if (inner := address.ipv4_mapped or address.sixtofour) is not None:
            return inner
        if any(address in network for network in _NAT64):
            return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address
