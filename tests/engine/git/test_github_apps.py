"""A GitHub App logs in: over HTTP to a server of ours that checks the App's proof as GitHub does."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from engine.git.access import AccessError
from engine.git.githubapp import GitHubApps
from engine.source.guard import Guard

NOW = 1_800_000_000.0


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


class Hub:
    """GitHub's API as far as Apps need it: one App, installed for the organisation `team` and the user `somebody`."""

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        self.key = key
        self.asked: list[str] = []
        self.tokens = 0
        self.now = NOW
        self.expires = "2027-01-15T09:00:00Z"  # an hour after NOW
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer()

            def do_POST(self) -> None:
                self._answer()

            def _answer(self) -> None:
                status, body = hub.answer(self.command, self.path, self.headers)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/api/v3"

    def answer(self, method: str, path: str, headers: Message) -> tuple[int, bytes]:
        self.asked.append(f"{method} {path}")
        if not self.is_proven(headers):
            return 401, b"{}"
        if path in ("/api/v3/orgs/team/installation", "/api/v3/users/somebody/installation"):
            return 200, b'{"id": 42}'
        if (method, path) == ("POST", "/api/v3/app/installations/42/access_tokens"):
            self.tokens += 1
            return 201, json.dumps({"token": f"ghs_{self.tokens}", "expires_at": self.expires}).encode()
        return 404, b"{}"

    def is_proven(self, headers: Message) -> bool:
        head, claims, signature = (headers["Authorization"] or "").removeprefix("Bearer ").split(".")
        try:
            self.key.public_key().verify(
                _decoded(signature), f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256()
            )
        except InvalidSignature:
            return False
        said = json.loads(_decoded(claims))
        return bool(said["iss"] == "7" and said["iat"] <= self.now < said["exp"] <= self.now + 600)


def _decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@pytest.fixture
def hub(key: rsa.RSAPrivateKey) -> Iterator[Hub]:
    hub = Hub(key)
    yield hub
    hub.server.shutdown()
    hub.server.server_close()


def secret(hub: Hub, **changed: str) -> dict[str, bytes]:
    pem = hub.key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    data = {
        "githubAppID": "7",
        "githubAppPrivateKey": pem.decode(),
        "githubAppInstallationID": "42",
        "githubAppBaseURL": hub.url,
        **changed,
    }
    return {name: value.encode() for name, value in data.items() if value}


class Clock:
    now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def apps(clock: Clock) -> GitHubApps:
    return GitHubApps(Guard(), environ={}, clock=clock)


def test_an_installation_by_its_number_gets_a_token(hub: Hub, apps: GitHubApps) -> None:
    assert apps.log_in(secret(hub), None) == {"username": b"x-access-token", "password": b"ghs_1"}
    assert hub.asked == ["POST /api/v3/app/installations/42/access_tokens"]


@pytest.mark.parametrize(("owner", "questions"), [("team", 2), ("somebody", 3)])
def test_an_installation_by_its_owner_is_found_first(hub: Hub, apps: GitHubApps, owner: str, questions: int) -> None:
    data = secret(hub, githubAppInstallationID="", githubAppInstallationOwner=owner)
    assert apps.log_in(data, None)["password"] == b"ghs_1"
    assert len(hub.asked) == questions


def test_a_token_is_kept_until_it_is_about_to_end(hub: Hub, apps: GitHubApps, clock: Clock) -> None:
    apps.log_in(secret(hub), None)
    clock.now += 54 * 60
    assert apps.log_in(secret(hub), None)["password"] == b"ghs_1"
    clock.now += 2 * 60
    hub.now = clock.now
    assert apps.log_in(secret(hub), None)["password"] == b"ghs_2"
    assert len(hub.asked) == 2


def test_another_key_of_the_secret_is_another_log_in(hub: Hub, apps: GitHubApps) -> None:
    apps.log_in(secret(hub), None)
    apps.log_in(secret(hub, githubAppInstallationID="", githubAppInstallationOwner="team"), None)
    assert hub.tokens == 2


def test_a_key_of_another_app_is_refused_with_the_cure(hub: Hub, apps: GitHubApps) -> None:
    data = secret(hub)
    hub.key = rsa.generate_private_key(65537, 2048)
    with pytest.raises(AccessError, match="GitHub answered 401") as caught:
        apps.log_in(data, None)
    assert caught.value.hint is not None
    assert "PRIVATE KEY" not in str(caught.value)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"githubAppID": ""}, "githubAppID"),
        ({"githubAppID": "seven"}, "githubAppID"),
        ({"githubAppInstallationID": ""}, "exactly one of"),
        ({"githubAppInstallationOwner": "team"}, "exactly one of"),
        ({"githubAppInstallationID": "../1"}, "githubAppInstallationID"),
        ({"githubAppInstallationID": "", "githubAppInstallationOwner": "a/b"}, "githubAppInstallationOwner"),
        ({"githubAppPrivateKey": ""}, "githubAppPrivateKey"),
        ({"githubAppPrivateKey": "no key"}, "githubAppPrivateKey"),
        ({"githubAppPrivateKey": "x" * 10_000}, "githubAppPrivateKey"),
        ({"githubAppBaseURL": "file:///etc"}, "githubAppBaseURL"),
    ],
)
def test_what_is_not_complete_is_refused_without_a_question(
    hub: Hub, apps: GitHubApps, changed: dict[str, Any], words: str
) -> None:
    with pytest.raises(AccessError, match=words):
        apps.log_in(secret(hub, **changed), None)
    assert hub.asked == []


def test_an_owner_without_installation_is_named(hub: Hub, apps: GitHubApps) -> None:
    data = secret(hub, githubAppInstallationID="", githubAppInstallationOwner="nobody")
    with pytest.raises(AccessError, match='no installation for "nobody"'):
        apps.log_in(data, None)


def test_metadata_addresses_are_not_asked(hub: Hub, apps: GitHubApps) -> None:
    with pytest.raises(Exception, match="may not be dialled"):
        apps.log_in(secret(hub, githubAppBaseURL="http://169.254.169.254"), None)
