"""URLs taken apart and put together as net/url does it. Source: Go 1.26 net/url url.go."""

import re
from ipaddress import AddressValueError, IPv6Address

from engine.gotemplate.errors import Refused
from engine.gotemplate.escapes import escape_url

_WORD = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"
PATH = frozenset(_WORD + b"$&+,/:;=@")
HOST = frozenset(_WORD + b"!\"$&'()*+,:;<=>[]")
USER = frozenset(_WORD + b"$&+,;=")
FRAGMENT = frozenset(_WORD + b"!$&()*+,/:;=?@")
"""What stays as it is in each part of a URL."""

_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_SCHEME = re.compile(rb"([A-Za-z][A-Za-z0-9+.-]*):")
_PERCENT = re.compile(rb"%(..)?", re.DOTALL)
_PORT = re.compile(rb"(:[0-9]*)?")
_USERINFO = re.compile(rb"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*")


class Url:
    """The parts of a URL, unescaped but for query, opaque part and user."""

    __slots__ = ("fragment", "host", "opaque", "path", "query", "scheme", "user")

    def __init__(self) -> None:
        self.scheme = self.host = self.path = self.query = self.opaque = self.fragment = b""
        self.user: bytes | None = None
        """Name and password as they stand in a URL; None when there is no user."""

    def hostname(self) -> bytes:
        """The host without a port and without brackets."""
        before, colon, port = self.host.rpartition(b":")
        host = before if colon and not port.strip(b"0123456789") else self.host
        return host[1:-1] if host[:1] == b"[" and host[-1:] == b"]" else host

    def text(self) -> bytes:
        """The URL as a string."""
        scheme = self.scheme + b":" if self.scheme else b""
        body = self.opaque or self.place(scheme)
        query = b"?" + self.query if self.query else b""
        fragment = b"#" + escape_url(self.fragment, FRAGMENT) if self.fragment else b""
        return scheme + body + query + fragment

    def place(self, scheme: bytes) -> bytes:
        """`//user@host/path`."""
        made = b""
        if self.scheme or self.host or self.user is not None:
            made = b"//" if self.host or self.path or self.user is not None else b""
            made += self.user + b"@" if self.user is not None else b""
            made += escape_url(self.host, HOST)
        path = b"*" if self.path == b"*" else escape_url(self.path, PATH)
        if path and path[:1] != b"/" and self.host:
            made += b"/"
        elif not scheme and not made and b":" in path.partition(b"/")[0]:
            made = b"./"
        return made + path


def parse(text: bytes) -> Url:
    """url.Parse. Raises: Refused."""
    url = Url()
    body, _, fragment = text.partition(b"#")
    _parse(url, body)
    url.fragment = unescape(fragment, is_host=False)
    return url


def _parse(url: Url, text: bytes) -> None:
    if _CONTROL.search(text):
        raise Refused("a control character in a URL")
    if text == b"*":
        url.path = text
        return
    if text[:1] == b":":
        raise Refused("a URL with an empty scheme")
    match = _SCHEME.match(text)
    rest = text
    if match:
        url.scheme, rest = match[1].lower(), text[match.end() :]
    rest, _, url.query = rest.partition(b"?")
    if rest[:1] != b"/":
        if url.scheme:
            url.opaque = rest
            return
        if b":" in rest.partition(b"/")[0]:
            raise Refused("a colon in the first part of a relative URL")
    if rest.startswith(b"//") and (url.scheme or not rest.startswith(b"///")):
        authority, slash, path = rest[2:].partition(b"/")
        rest = slash + path
        _authority(url, authority)
    url.path = unescape(rest, is_host=False)


def _authority(url: Url, text: bytes) -> None:
    user, sign, host = text.rpartition(b"@")
    url.host = _host(url.scheme, host)
    if not sign:
        return
    if not _USERINFO.fullmatch(user):
        raise Refused("an invalid user in a URL")
    name, colon, password = user.partition(b":")
    url.user = escape_url(unescape(name, is_host=False), USER)
    if colon:
        url.user += b":" + escape_url(unescape(password, is_host=False), USER)


def _host(scheme: bytes, host: bytes) -> bytes:
    opening = host.rfind(b"[")
    if opening > 0:
        raise Refused("an invalid address in a URL")
    if opening == 0:
        return _literal(host)
    colon = host.find(b":")
    if colon >= 0 and scheme not in {b"http", b"https"}:
        colon = host.rfind(b":")
    if colon >= 0 and not _PORT.fullmatch(host[colon:]):
        raise Refused("an invalid port in a URL")
    return unescape(host, is_host=True)


def _literal(host: bytes) -> bytes:
    """`[fe80::1%25en0]:80`; the zone after %25 may be escaped as it likes."""
    inner, closing, port = host[1:].rpartition(b"]")
    if not closing or not _PORT.fullmatch(port):
        raise Refused("an invalid address in a URL")
    address, mark, zone = inner.partition(b"%25")
    name = unescape(address, is_host=True) + (_zone(mark + zone) if mark else b"")
    try:
        if b"%" in name[-1:] or b"%" in name.partition(b"%")[2]:
            IPv6Address(name.partition(b"%")[0].decode())
        else:
            IPv6Address(name.decode())
    except (AddressValueError, UnicodeDecodeError):
        raise Refused("an invalid address in a URL") from None
    if name[-1:] == b"%":
        raise Refused("an invalid address in a URL")
    return b"[" + name + b"]" + port


def _zone(text: bytes) -> bytes:
    for match in _PERCENT.finditer(text):
        code = _byte(match)
        if code not in HOST and code not in b"% ":
            raise Refused("an invalid escape in a URL")
    return _replaced(_checked(text))


def unescape(text: bytes, *, is_host: bool) -> bytes:
    """Bytes for percent signs; a host escapes only what is no ASCII. Raises: Refused."""
    if is_host:
        for match in _PERCENT.finditer(_checked(text)):
            if _byte(match) < 0x80 and match[0] != b"%25":
                raise Refused("an invalid escape in a URL")
    return _replaced(text)


def _checked(text: bytes) -> bytes:
    if any(byte < 0x80 and byte not in HOST and byte != ord("%") for byte in text):
        raise Refused("an invalid character in the host of a URL")
    return text


def _replaced(text: bytes) -> bytes:
    return _PERCENT.sub(lambda match: bytes((_byte(match),)), text)


def _byte(match: re.Match[bytes]) -> int:
    digits = match[1]
    if digits is None or digits.strip(b"0123456789abcdefABCDEF"):
        raise Refused("an invalid escape in a URL")
    return int(digits, 16)
