"""Refs are listed over HTTP by our own client: both forms of the protocol, redirects, and servers that misbehave."""

import os
import subprocess
from collections.abc import Callable

import pytest

from engine.git.access import Access
from engine.git.child import GitError
from engine.git.lsrefs import RefLister, Refs, refs_of_lines
from engine.git.pktline import FramingError, lines
from tests.engine.git.bare import Bare
from tests.engine.git.conftest import Anywhere
from tests.kit import real
from tests.kit.gitserver import GitServer
from tests.kit.peer import Asked, Peer, Wire

ADVERTISEMENT = "application/x-git-upload-pack-advertisement"
RESULT = "application/x-git-upload-pack-result"


def send(wire: Wire, body: bytes, kind: str = ADVERTISEMENT, status: str = "200 OK", **headers: str) -> None:
    more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    wire.send(f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n{more}Content-Length: {len(body)}\r\n\r\n".encode() + body)


def listed(url: str, anywhere: Anywhere, *prefixes: str, seconds: float = 10.0, **secret: bytes) -> Refs:
    return RefLister(anywhere).list(Access(url, secret), prefixes, timeout_seconds=seconds)


def test_only_what_begins_as_asked_comes_with_what_annotated_tags_are_of(repository: Bare, anywhere: Anywhere) -> None:
    commit = repository.commit({"a": "a"})
    repository.commit({"a": "b"}, branch="other")
    repository.tag("v1", message="annotated")
    repository.tag("v2")
    found = listed(repository.url, anywhere, "refs/heads/main", "refs/tags/")
    assert {name: ref.commit for name, ref in found.items()} == {
        "refs/heads/main": commit,
        "refs/tags/v1": commit,
        "refs/tags/v2": commit,
    }
    assert found["refs/tags/v1"].id != commit
    assert found["refs/tags/v1"].peeled == commit
    assert "refs/heads/other" in listed(repository.url, anywhere)


def test_an_empty_repository_has_no_refs(repository: Bare, anywhere: Anywhere) -> None:
    assert listed(repository.url, anywhere) == {}


def test_what_is_known_of_a_server_saves_the_second_request(
    repository: Bare, server: GitServer, anywhere: Anywhere
) -> None:
    repository.commit({"a": "a"})
    lister, access = RefLister(anywhere), Access(repository.url)
    for count in (2, 3, 4):
        lister.list(access, ["refs/heads/"], timeout_seconds=10)
        assert len(anywhere.asked) == count


@pytest.mark.parametrize("version", ["0", "1"])
def test_a_server_without_version_2_is_understood(repository: Bare, anywhere: Anywhere, version: str) -> None:
    commit = repository.commit({"a": "a"})
    repository.tag("v1", message="annotated")
    repository.commit({"a": "b"}, branch="other")

    def script(asked: Asked, wire: Wire) -> None:
        words = ["upload-pack", "--stateless-rpc", "--advertise-refs", str(repository.path)]
        environ = {"PATH": os.environ["PATH"], "GIT_PROTOCOL": f"version={version}"}
        done = subprocess.run([real.require("git"), *words], env=environ, capture_output=True, check=True)
        send(wire, b"001e# service=git-upload-pack\n0000" + done.stdout)

    with Peer(script) as peer:
        found = listed(f"{peer.url}/x.git", anywhere, "refs/heads/main", "refs/tags/")
    assert {name: ref.commit for name, ref in found.items()} == {"refs/heads/main": commit, "refs/tags/v1": commit}


def test_an_empty_repository_of_a_server_without_version_2_has_no_refs(anywhere: Anywhere) -> None:
    body = b"001e# service=git-upload-pack\n0000" + b"0045" + b"0" * 40 + b" capabilities^{}\0side-band\n" + b"0000"
    body = body.replace(b"0045", b"%04x" % (4 + 40 + len(b" capabilities^{}\0side-band\n")))
    with Peer(lambda _, wire: send(wire, body)) as peer:
        assert listed(f"{peer.url}/x.git", anywhere) == {}


def moved(base: str) -> Callable[[Asked, Wire], None]:
    def script(asked: Asked, wire: Wire) -> None:
        if asked.target.startswith("/old.git/info/refs"):
            send(wire, b"", status="301 Moved", Location=f"{base}/info/refs?service=git-upload-pack")
        else:
            send(wire, b"", status="404 Not Found")

    return script


def test_a_repository_that_moved_is_followed_without_credentials_to_another_host(
    repository: Bare, anywhere: Anywhere
) -> None:
    commit = repository.commit({"a": "a"})
    seen: list[str | None] = []

    def note(asked: Asked, wire: Wire) -> None:
        seen.append(asked.headers.get("authorization"))
        send(wire, b"", status="401 Unauthorized")

    with Peer(moved(repository.url)) as peer:
        found = listed(f"{peer.url}/old.git", anywhere, username=b"ann", password=b"secret")
        assert found["refs/heads/main"].commit == commit
        assert "Basic" in peer.requests[0].headers["authorization"]
    with Peer(note) as stranger, Peer(moved(f"{stranger.url}/new.git")) as peer:
        with pytest.raises(GitError, match="authentication required"):
            listed(f"{peer.url}/old.git", anywhere, bearerToken=b"secret")
        assert seen == [None]


def test_credentials_go_along_on_the_same_host(anywhere: Anywhere) -> None:
    seen: list[str] = []

    def script(asked: Asked, wire: Wire) -> None:
        seen.append(asked.headers["authorization"])
        if asked.target.startswith("/old.git"):
            send(wire, b"", status="302 Found", Location="/new.git/info/refs?service=git-upload-pack")
        elif asked.method == "GET":
            send(wire, b"001e# service=git-upload-pack\n0000000eversion 2\n0000")
        else:
            send(wire, b"0000", RESULT)

    with Peer(script) as peer:
        assert listed(f"{peer.url}/old.git", anywhere, bearerToken=b"secret") == {}
    assert seen == ["Bearer secret"] * 3


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("http://127.0.0.1:1/login", "something else than a repository"),
        ("file:///etc/info/refs?service=git-upload-pack", "leads nowhere"),
        ("http://u:p@127.0.0.1/x/info/refs?service=git-upload-pack", "credentials in it"),
        ("/again/info/refs?service=git-upload-pack", "too many redirects"),
        ("", "something else|too many"),
    ],
)
def test_other_redirects_are_refused(anywhere: Anywhere, location: str, message: str) -> None:
    with Peer(lambda _, wire: send(wire, b"", status="302 Found", Location=location)) as peer:
        with pytest.raises(GitError, match=message):
            listed(f"{peer.url}/x.git", anywhere)
        assert len(peer.requests) <= 5


def test_a_server_that_forgot_version_2_is_looked_at_anew(repository: Bare, anywhere: Anywhere) -> None:
    answers = [
        lambda wire: send(wire, b"001e# service=git-upload-pack\n0000000eversion 2\n0000"),
        lambda wire: send(wire, b"0000", RESULT),
        lambda wire: send(wire, b"gone", "text/html", "404 Not Found"),
        lambda wire: send(wire, b"001e# service=git-upload-pack\n00000000"),
    ]
    with Peer(lambda _, wire: answers.pop(0)(wire)) as peer:
        lister, access = RefLister(anywhere), Access(f"{peer.url}/x.git")
        assert lister.list(access, (), timeout_seconds=10) == {}
        assert lister.list(access, (), timeout_seconds=10) == {}
    assert answers == []


@pytest.mark.parametrize(
    ("status", "kind", "body", "message"),
    [
        ("401 Unauthorized", "text/plain", b"", "authentication required"),
        ("403 Forbidden", "text/plain", b"", "authorization failed"),
        ("404 Not Found", "text/plain", b"", "repository not found"),
        ("500 Oops", "text/plain", b"secret page", "answered 500"),
        ("200 OK", "text/html", b"<html>", "no Git repository"),
        ("200 OK", "text/plain", b"0123 refs/heads/main", "no Git repository"),
        ("200 OK", ADVERTISEMENT, b"<html>", "not git's protocol"),
        ("200 OK", ADVERTISEMENT, b"ffff", "not git's protocol"),
        ("200 OK", ADVERTISEMENT, b"000aabc xy\n", "not SHA-1|not git's"),
        ("200 OK", ADVERTISEMENT, b"0050" + b"a" * 64 + b" refs/heads/m", "not git's protocol|not SHA-1"),
    ],
)
def test_what_is_no_repository_is_told(anywhere: Anywhere, status: str, kind: str, body: bytes, message: str) -> None:
    with Peer(lambda _, wire: send(wire, body, kind, status)) as peer, pytest.raises(GitError, match=message) as caught:
        listed(f"{peer.url}/x.git", anywhere)
    assert "secret" not in str(caught.value)


def test_an_answer_without_end_is_cut_off(anywhere: Anywhere, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.git.lsrefs.LARGEST", 100_000)

    def script(_: Asked, wire: Wire) -> None:
        wire.send(f"HTTP/1.1 200 OK\r\nContent-Type: {ADVERTISEMENT}\r\n\r\n".encode())
        for _ in range(50):
            wire.send((b"003f" + b"a" * 40 + b" refs/heads/mmmmmm\n") * 100)

    with Peer(script) as peer, pytest.raises(GitError, match="larger than 100000 bytes"):
        listed(f"{peer.url}/x.git", anywhere)


def test_headers_that_drip_are_ended_by_the_time_limit(anywhere: Anywhere) -> None:
    def script(_: Asked, wire: Wire) -> None:
        for _ in range(200):
            wire.send(b"HTTP/1.1 200 OK\r\nX: "[:1])
            if peer.wait(0.02):
                return

    with Peer(script) as peer, pytest.raises(GitError, match=r"no answer within 0\.2 s"):
        listed(f"{peer.url}/x.git", anywhere, seconds=0.2)


def test_a_server_that_is_not_there_is_told(anywhere: Anywhere) -> None:
    with pytest.raises(GitError, match="connection refused"):
        listed("http://127.0.0.1:1/x.git", anywhere)


def test_lines_of_git_are_read_as_such() -> None:
    commit = "a" * 40
    assert refs_of_lines(f"{commit}\trefs/heads/x\n".encode())["refs/heads/x"].commit == commit
    with pytest.raises(FramingError):
        list(lines(b"0006"))
    with pytest.raises(FramingError):
        list(lines(b"+005a"))
    assert list(lines(b"0005a0000")) == [b"a", None]
