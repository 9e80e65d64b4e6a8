"""Our keys served to other processes in SOPS's own protocol; the real sops is one of its clients.

Whoever reaches the address may use the keys: there is no log-in. A Unix socket is made for its owner alone.
Source: getsops/sops 3.13.3 keyservice/server.go.
"""

import os
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from engine.errors import KsealError
from sealer.sops.recipients import keymessages, remote
from sealer.sops.recipients.base import KeyService, MasterKey, shown
from sealer.sops.recipients.keymessages import BadMessage
from sealer.sops.recipients.person import Person

_WORKERS: Final = 8
_GRACE_SECONDS: Final = 5.0


class _Refused(Exception):
    """A request is not served. `code` is gRPC's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class KeyServer:
    """A server for keys of the given kinds, from `start` to `stop`."""

    def __init__(self, services: Mapping[str, KeyService], *, person: Person | None = None) -> None:
        """With a `person`, each request waits for their consent. Raises: KsealError without the library."""
        self._services = services
        self._person = person
        self._asking = threading.Lock()
        self._grpc = remote.library()
        options = [("grpc.max_receive_message_length", keymessages.LIMIT_BYTES), ("grpc.so_reuseport", 0)]
        self._server = self._grpc.server(ThreadPoolExecutor(_WORKERS), options=options)
        methods = {"Encrypt": self._method(self._encrypt), "Decrypt": self._method(self._decrypt)}
        self._server.add_generic_rpc_handlers([self._grpc.method_handlers_generic_handler("KeyService", methods)])

    def start(self, network: str, address: str) -> str:
        """Listen; `network` is tcp or unix. Returns the address that clients use. Raises: KsealError."""
        if network not in ("tcp", "unix"):
            raise KsealError(f'a key service cannot listen on "{network}"', "tcp or unix")
        before = os.umask(0o177)  # the socket is its owner's alone
        try:
            port = self._server.add_insecure_port(f"unix://{address}" if network == "unix" else address)
        except RuntimeError as error:
            raise KsealError(f"cannot listen on {network} {address}") from error
        finally:
            os.umask(before)
        self._server.start()
        return f"unix://{address}" if network == "unix" else f"tcp://{address.rpartition(':')[0]}:{port}"

    def wait(self) -> None:
        """Until somebody stops it."""
        self._server.wait_for_termination()

    def stop(self) -> None:
        """End, once the requests under way are answered or five seconds are over."""
        self._server.stop(_GRACE_SECONDS).wait()

    def _method(self, act: Callable[[KeyService, MasterKey, bytes], bytes]) -> Any:
        def answer(message: bytes, context: Any) -> bytes:
            try:
                key, data = keymessages.read_request(message)
                return keymessages.answer(act(self._service(key), key, data))
            except BadMessage as error:
                refusal = ("INVALID_ARGUMENT", str(error))
            except _Refused as error:
                refusal = (error.code, str(error))
            except KsealError as error:
                refusal = ("UNKNOWN", str(error))
            context.set_code(self._grpc.StatusCode[refusal[0]])
            context.set_details(refusal[1])
            return b""

        return self._grpc.unary_unary_rpc_method_handler(answer)

    def _service(self, key: MasterKey) -> KeyService:
        """Who serves a key, once it is allowed."""
        if key.kind not in self._services:
            raise _Refused("NOT_FOUND", "Unknown key type")
        if not self._is_allowed(key):
            raise _Refused("PERMISSION_DENIED", "Request rejected by user")
        return self._services[key.kind]

    def _is_allowed(self, key: MasterKey) -> bool:
        """Ask before the key is used, one request at a time."""
        if self._person is None:
            return True
        with self._asking:
            return self._person.confirm(f"use the {key.kind} key {shown(key.identity)}?", "y", "n") is True

    @staticmethod
    def _encrypt(service: KeyService, key: MasterKey, data: bytes) -> bytes:
        return service.wrap(key, data).encode()

    @staticmethod
    def _decrypt(service: KeyService, key: MasterKey, data: bytes) -> bytes:
        try:
            enc = data.decode()
        except UnicodeDecodeError:
            raise KsealError("the wrapped key is no text") from None
        return service.unwrap(MasterKey(key.kind, key.fields, enc))
