"""Git repositories over HTTP with basic authentication, by git's own `http-backend` behind a small server.

It may have an API beside the repositories, as forges do: see tests/kit/forges.py.
"""

import base64
import os
import subprocess
import threading
from collections.abc import Callable, Iterable
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

USER: Final = "robot"
Answer = tuple[int, dict[str, str], bytes]
"""Status, headers and body."""
Api = Callable[[str, str, Message, bytes], Answer]
"""Answers what is asked below `/api/`: method, path with its query, headers, body."""
_ADVICE: Final = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_HTTP_EXPORT_ALL": "1"}


class GitServer:
    """Serves the bare repositories of a folder; pushing is allowed to whoever may read."""

    def __init__(
        self,
        folder: Path,
        *,
        password: str = "",
        api: Api | None = None,
        address: str = "127.0.0.1",
        git: Path | None = None,
    ) -> None:
        """Without a password everyone is let in. `git` is the program, where no test asks for it."""
        self.folder = folder
        self.api = api
        self.password = password
        self.refused = 0
        self._git = git or _required()
        self._server = ThreadingHTTPServer((address, 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    def repository(self, name: str, *, branch: str = "main") -> str:
        """Make an empty repository; returns its URL."""
        path = self.folder / f"{name}.git"
        init: list[str | Path] = [
            self._git,
            "init",
            "--quiet",
            "--bare",
            "--template=",
            f"--initial-branch={branch}",
            path,
        ]
        subprocess.run(init, check=True)
        with (path / "config").open("a", encoding="utf-8") as config:  # another child would cost as much again
            config.write("[http]\n\treceivepack = true\n")
        return f"{self.url}/{name}.git"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            """One request, handed to `git http-backend` as CGI."""

            def do_GET(self) -> None:
                self._answer()

            def do_POST(self) -> None:
                self._answer()

            def log_message(self, *_: object) -> None:
                """Nobody reads an access log here."""

            def _answer(self) -> None:
                if server.api and self.path.startswith("/api/"):
                    said = server.api(self.command, self.path, self.headers, self._body())
                    self._send(said[0], said[1].items(), said[2])
                    return
                wanted = "Basic " + base64.b64encode(f"{USER}:{server.password}".encode()).decode()
                if server.password and self.headers.get("Authorization") != wanted:
                    server.refused += 1
                    self._send(401, [("WWW-Authenticate", 'Basic realm="git"')], b"")
                    return
                done = subprocess.run(
                    [server._git, "http-backend"],
                    input=self._body(),
                    env={"PATH": os.environ["PATH"], **_ADVICE, **self._cgi()},
                    capture_output=True,
                    check=True,
                )
                head, _, body = done.stdout.partition(b"\r\n\r\n")
                headers = [line.partition(b": ") for line in head.split(b"\r\n")]
                status = next((value for name, _, value in headers if name == b"Status"), b"200 OK")
                named = [(name.decode(), value.decode()) for name, _, value in headers if name != b"Status"]
                self._send(int(status.split()[0]), named, body)

            def _send(self, status: int, headers: Iterable[tuple[str, str]], body: bytes) -> None:
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def _body(self) -> bytes:
                if self.headers.get("Transfer-Encoding") != "chunked":
                    return self.rfile.read(int(self.headers.get("Content-Length") or 0))
                parts = []
                while size := int(self.rfile.readline(), 16):
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return b"".join(parts)

            def _cgi(self) -> dict[str, str]:
                address = urlsplit(self.path)
                return {
                    "GIT_PROJECT_ROOT": str(server.folder),
                    "PATH_INFO": address.path,
                    "QUERY_STRING": address.query,
                    "REQUEST_METHOD": self.command,
                    "CONTENT_TYPE": self.headers.get("Content-Type") or "",
                    "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding") or "",
                    "HTTP_GIT_PROTOCOL": self.headers.get("Git-Protocol") or "",
                    "GIT_PROTOCOL": self.headers.get("Git-Protocol") or "",
                    "REMOTE_USER": USER,
                    "REMOTE_ADDR": "127.0.0.1",
                }

        return Handler


def _required() -> Path:
    """The program of the tests. They alone have what the import needs: the demo runs without."""
    from tests.kit import real

    return real.require("git")
