"""The REST calls of Google Cloud KMS and of Azure Key Vault that wrap a key, as published, on loopback.

Neither cloud has a program that runs here. The real sops uses the first one beside us, which keeps it honest.
"""

import json
import os
import ssl
import threading
from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

TOKEN: Final = "a-token"
Answer = tuple[int, dict[str, Any]]


class CloudKms:
    """Google's: keys are those under `projects/known/`, and one more that may not be used."""

    def __init__(self) -> None:
        self._cipher = AESGCM(AESGCM.generate_key(256))
        self._server = Loopback(self.answer)
        self.address = f"http://127.0.0.1:{self._server.port}"

    def answer(self, method: str, path: str, body: dict[str, Any]) -> Answer:
        """`POST /v1/NAME:encrypt` and `:decrypt`."""
        name, _, verb = path.partition("?")[0].removeprefix("/v1/").rpartition(":")
        if "/secret" in name:
            return 403, _error(403, "PERMISSION_DENIED", "not allowed")
        if method != "POST" or not name.startswith("projects/known/"):
            return 404, _error(404, "NOT_FOUND", "no such key")
        if verb == "encrypt":
            nonce = os.urandom(12)
            sealed = nonce + self._cipher.encrypt(nonce, b64decode(body["plaintext"]), name.encode())
            return 200, {"name": f"{name}/cryptoKeyVersions/1", "ciphertext": b64encode(sealed).decode()}
        sealed = b64decode(body.get("ciphertext", ""))
        try:
            plain = self._cipher.decrypt(sealed[:12], sealed[12:], name.encode())
        except (InvalidTag, ValueError):
            return 400, _error(400, "INVALID_ARGUMENT", "Decryption failed")
        return 200, {"plaintext": b64encode(plain).decode()}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()


class KeyVault:
    """Azure's, over TLS: one key, `known`, in version `v2`, an RSA key."""

    def __init__(self, context: ssl.SSLContext, private_key: rsa.RSAPrivateKey) -> None:
        self._private_key = private_key
        self._server = Loopback(self.answer, context=context)
        self.address = f"https://localhost:{self._server.port}"

    def answer(self, method: str, path: str, body: dict[str, Any]) -> Answer:
        """`GET /keys/NAME/[VERSION]`, `POST /keys/NAME/VERSION/encrypt` and `decrypt`."""
        parts = path.partition("?")[0].strip("/").split("/")
        if parts[:2] != ["keys", "known"] or (len(parts) > 2 and parts[2] != "v2"):
            return 404, {"error": {"code": "KeyNotFound", "message": "no such key"}}
        kid = f"{self.address}/keys/known/v2"
        if method == "GET":
            numbers = self._private_key.public_key().public_numbers()
            public = {"n": _url(numbers.n.to_bytes(256)), "e": _url(numbers.e.to_bytes(3))}
            key = {"kid": kid, "kty": "RSA", "key_ops": ["encrypt", "decrypt"], **public}
            return 200, {"key": key, "attributes": {"enabled": True}}
        scheme = padding.OAEP(padding.MGF1(SHA256()), SHA256(), None)
        value = urlsafe_b64decode(body["value"] + "===")
        if parts[3] == "encrypt":
            return 200, {"kid": kid, "value": _url(self._private_key.public_key().encrypt(value, scheme))}
        try:
            return 200, {"kid": kid, "value": _url(self._private_key.decrypt(value, scheme))}
        except ValueError:
            return 400, {"error": {"code": "BadParameter", "message": "Decryption failed"}}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()


class Loopback:
    """A server of JSON that lets in who has the token."""

    def __init__(
        self, answer: Callable[[str, str, dict[str, Any]], Answer], *, context: ssl.SSLContext | None = None
    ) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._reply({})

            def do_POST(self) -> None:
                given = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self._reply(json.loads(given or b"{}"))

            def _reply(self, body: dict[str, Any]) -> None:
                if TOKEN in (
                    self.headers.get("Authorization", "")[len("Bearer ") :],
                    self.headers.get("X-Vault-Token"),
                ):
                    status, said = answer(self.command, self.path, body)
                else:
                    status, said = 401, _error(401, "UNAUTHENTICATED", "log in")
                text = json.dumps(said).encode()
                self.send_response(status)
                if status == 401:
                    challenge = 'Bearer authorization="https://localhost/tenant", resource="https://vault.example"'
                    self.send_header("WWW-Authenticate", challenge)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: object) -> None:
                """Nobody reads an access log here."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if context:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


def _error(code: int, status: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "status": status, "message": message}}


def _url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
