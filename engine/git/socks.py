"""Ask a SOCKS 5 proxy for a connection. Names are resolved by the proxy. Source: RFC 1928, RFC 1929."""

import socket

_REFUSALS = {
    1: "general failure",
    2: "not allowed by its rules",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused",
    6: "time to live expired",
    7: "command not supported",
    8: "address type not supported",
}


def ask(proxy: socket.socket, host: str, port: int, username: str, password: str) -> None:
    """Afterwards the socket speaks with `host`. Raises: ConnectionError."""
    user, secret, name = username.encode(), password.encode(), host.encode("idna")
    if max(len(user), len(secret), len(name)) > 255:
        raise ConnectionError("too long for the proxy")
    proxy.sendall(b"\x05\x02\x00\x02" if user else b"\x05\x01\x00")
    version, method = _exactly(proxy, 2)
    if version != 5 or method not in ((0, 2) if user else (0,)):
        raise ConnectionError("the proxy refused the way to log in")
    if method == 2:
        proxy.sendall(bytes([1, len(user)]) + user + bytes([len(secret)]) + secret)
        if _exactly(proxy, 2)[1] != 0:
            raise ConnectionError("the proxy refused user and password")
    proxy.sendall(b"\x05\x01\x00\x03" + bytes([len(name)]) + name + port.to_bytes(2, "big"))
    _, reply, _, kind = _exactly(proxy, 4)
    if reply:
        raise ConnectionError(f"the proxy refused: {_REFUSALS.get(reply, 'unknown reason')}")
    _exactly(proxy, 2 + ({1: 4, 4: 16}.get(kind) or _exactly(proxy, 1)[0]))


def _exactly(proxy: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        if not (part := proxy.recv(count - len(found))):
            raise ConnectionError("the proxy hung up")
        found += part
    return found
