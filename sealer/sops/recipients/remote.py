"""Key services of other processes: the client of SOPS's own protocol, and several services as one.

The protocol has no encryption and no log-in: data keys cross it in the clear. It is meant for loopback, a Unix socket
or a tunnel. Source: getsops/sops 3.13.3 cmd/sops/main.go `keyservices`, keyservice/.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from engine.errors import KsealError
from engine.version import VERSION
from sealer.sops.recipients import keymessages
from sealer.sops.recipients.base import Field, KeyResolver, KeyService, MasterKey
from sealer.sops.recipients.keymessages import BadMessage

TIMEOUT_SECONDS: Final = 60.0
_LIMIT_CHARACTERS: Final = 300


class RemoteKeys:
    """The key service at `tcp://HOST:PORT` or `unix:///PATH`, for keys of every kind that it knows."""

    def __init__(self, uri: str, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        """Connects at the first call. Raises: KsealError when the address is none, or the library is not there."""
        self._uri = uri
        self._timeout_seconds = timeout_seconds
        self._grpc = library()
        options = [("grpc.max_receive_message_length", keymessages.LIMIT_BYTES), ("grpc.enable_http_proxy", 0)]
        self._channel = self._grpc.insecure_channel(_target(uri), options)

    def wrap(self, key: MasterKey, data: bytes) -> str:
        """Raises: KsealError."""
        try:
            return self._call("Encrypt", key, data).decode()
        except UnicodeDecodeError:
            raise KsealError(f"key service {self._uri}: it answers with what is no text") from None

    def unwrap(self, key: MasterKey) -> bytes:
        """Raises: KsealError."""
        return self._call("Decrypt", key, key.enc.encode("utf-8", "surrogateescape"))

    def close(self) -> None:
        """Hang up."""
        self._channel.close()

    def _call(self, method: str, key: MasterKey, data: bytes) -> bytes:
        call = self._channel.unary_unary(f"/KeyService/{method}")
        try:
            return keymessages.read_answer(call(keymessages.request(key, data), timeout=self._timeout_seconds))
        except self._grpc.RpcError as error:
            said = " ".join(str(error.details()).split())[:_LIMIT_CHARACTERS]
            raise KsealError(f"key service {self._uri}: {said}") from error
        except BadMessage as error:
            raise KsealError(f"key service {self._uri}: its answer is none: {error}") from error


class InTurn:
    """Services that are asked one after the other, until one serves."""

    def __init__(self, services: Sequence[KeyService]) -> None:
        self._services = services

    def wrap(self, key: MasterKey, data: bytes) -> str:
        """Raises: KsealError, with what each of them said."""
        failures: list[KsealError] = []
        for service in self._services:
            try:
                return service.wrap(key, data)
            except KsealError as error:
                failures.append(error)
        raise _all_said(failures)

    def unwrap(self, key: MasterKey) -> bytes:
        """Raises: KsealError, with what each of them said."""
        failures: list[KsealError] = []
        for service in self._services:
            try:
                return service.unwrap(key)
            except KsealError as error:
                failures.append(error)
        raise _all_said(failures)

    def resolve(self, key: MasterKey) -> Mapping[str, Field]:
        """The fields as the first service completes them that can. Raises: KsealError."""
        able = (service for service in self._services if isinstance(service, KeyResolver))
        return next((service.resolve(key) for service in able), key.fields)


def library() -> Any:
    """grpc, where it is installed. Raises: KsealError with the cure."""
    try:
        import grpc
    except ModuleNotFoundError as error:
        wheel = f"./kseal_toolkit-{VERSION}-py3-none-any.whl[keyservice]"
        raise KsealError(
            'a key service needs the Python package "grpcio", which is not installed',
            hint=f'install kseal again from its wheel with the extra [keyservice]: uv tool install "{wheel}"',
        ) from error
    return grpc


def _target(uri: str) -> str:
    scheme, _, rest = uri.partition("://")
    if scheme == "unix" and rest.startswith("/"):
        return uri
    if scheme in ("tcp", "tcp4", "tcp6") and rest:
        return rest.rstrip("/")
    raise KsealError(f'"{uri}" is no address of a key service', "tcp://HOST:PORT or unix:///PATH")


def _all_said(failures: Sequence[KsealError]) -> KsealError:
    if not failures:
        return KsealError("no key service is there to ask", "the local one is off, and no other is named")
    hints = dict.fromkeys(error.hint for error in failures if error.hint)
    return KsealError("; ".join(dict.fromkeys(str(error) for error in failures)), "; ".join(hints) or None)
