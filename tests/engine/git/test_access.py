"""Credentials of Secrets: which are taken, to whom they go, and that nothing shows them."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from engine.git.access import Access, AccessError
from engine.git.wire import Pinned
from tests.engine.git.conftest import Anywhere

URL = "https://git.example.org/team/apps.git"
SSH = "ssh://git.example.org:2222/team/apps.git"


@pytest.mark.parametrize(
    ("url", "secret", "expected"),
    [
        (URL, {}, {}),
        (URL, {"username": b"ann", "password": b"pw\n"}, {"Authorization": "Basic YW5uOnB3"}),
        (URL, {"bearerToken": b"t", "username": b"ann", "password": b"pw"}, {"Authorization": "Bearer t"}),
        (URL.replace("//", "//ann:pw@"), {}, {"Authorization": "Basic YW5uOnB3"}),
        (URL.replace("//", "//ann:no@"), {"password": b"pw"}, {"Authorization": "Basic YW5uOnB3"}),
        (URL.replace("//", "//token@"), {}, {"Authorization": "Basic dG9rZW46"}),
    ],
)
def test_which_credentials_go_along(url: str, secret: dict[str, bytes], expected: dict[str, str]) -> None:
    access = Access(url, secret)
    assert access.url == URL
    assert access.headers(access.url) == expected


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("https://git.example.org:443/a.git/", "https://git.example.org/a.git"),
        ("http://git.example.org:8080/ä%20b.git", "http://git.example.org:8080/%C3%A4%20b.git"),
        ("ssh://git@git.example.org:22/a.git", "ssh://git.example.org/a.git"),
        ("https://[2001:db8::1]:8443/a", "https://[2001:db8::1]:8443/a"),
    ],
)
def test_urls_have_one_form(written: str, url: str) -> None:
    assert Access(written, {"identity": b"x", "known_hosts": b"x"}).url == url


@pytest.mark.parametrize(
    "other",
    [
        *("http://git.example.org/team/apps.git", "https://git.example.org:8443/x", "https://evil.example.org/x"),
        *("https://git.example.org.evil.example.org/x", "https://sub.git.example.org/"),
    ],
)
def test_they_go_to_nobody_else(other: str) -> None:
    assert Access(URL, {"bearerToken": b"t"}).headers(other) == {}


def test_they_go_along_where_http_became_https() -> None:
    assert Access(URL.replace("https", "http"), {"bearerToken": b"t"}).headers(URL)


@pytest.mark.parametrize(
    ("url", "secret", "message"),
    [
        (URL, {"password": b"hunter2"}, "'password' requires 'username' to be set"),
        (URL, {"username": b"a", "password": b"hunter2\r\nX: y"}, "control characters"),
        (URL, {"username": b"a", "password": b"hunter2\xff"}, "not text"),
        (SSH, {}, "'identity' is required"),
        (SSH, {"identity": b"hunter2"}, "'known_hosts' is required"),
    ],
)
def test_incomplete_credentials_are_told_without_their_values(url: str, secret: dict[str, bytes], message: str) -> None:
    with pytest.raises(AccessError, match=message) as caught:
        Access(url, secret)
    assert "hunter2" not in f"{caught.value}{caught.value.hint}"


def test_nothing_shows_a_value() -> None:
    proxy = {"address": b"http://proxy.example.org:3128", "username": b"ann", "password": b"hunter2"}
    access = Access(URL, {"username": b"a", "password": b"hunter2"}, proxy)
    assert "hunter2" not in f"{access!r}{access.proxy!r}{access.route(URL, Anywhere())!r}"


def test_fingerprints_differ_with_each_credential_and_say_nothing_without_their_key() -> None:
    secrets: list[dict[str, bytes]] = [
        *({}, {"bearerToken": b"a"}, {"bearerToken": b"b"}, {"username": b"a", "password": b"b"}),
        *({"username": b"ab", "password": b""}, {"ca.crt": b"x"}, {"caFile": b"y"}),
    ]
    found = [Access(URL, secret) for secret in secrets]
    assert len({each.fingerprint for each in found}) == len(secrets)
    assert found[0].stable_fingerprint(b"1") != found[0].stable_fingerprint(b"2")
    assert found[1].fingerprint == Access(URL, {"bearerToken": b"a"}).fingerprint


def test_the_newer_name_of_the_authority_wins() -> None:
    both = Access(URL, {"ca.crt": b"new", "caFile": b"old"})
    assert both.fingerprint == Access(URL, {"ca.crt": b"new"}).fingerprint


@pytest.mark.parametrize("kind", ["ca.crt", "tls.crt", "tls.key"])
def test_certificates_that_are_none_are_told(kind: str) -> None:
    with pytest.raises(AccessError, match=r"PEM|needs both"):
        Access(URL, {kind: b"rubbish"}).route(URL, Anywhere())
    with pytest.raises(AccessError, match="cannot be used"):
        Access(URL, {"tls.crt": b"rubbish", "tls.key": b"rubbish"}).route(URL, Anywhere())


@pytest.mark.parametrize(
    ("address", "message"),
    [
        (b"", "no address"),
        (b"ftp://x:1", "reached by one of"),
        (b"http://", "reached by one of"),
        (b"http://x:y", "cannot be read"),
        (b"http://" + b"x" * 3_000, "more than 2048"),
    ],
)
def test_a_proxy_that_is_none_is_told(address: bytes, message: str) -> None:
    with pytest.raises(AccessError, match=message):
        Access(URL, {}, {"address": address})


def test_the_proxy_of_the_secret_goes_before_that_of_the_environment() -> None:
    environ = {"HTTPS_PROXY": "http://outer.example.org:1", "NO_PROXY": "other.example.org"}
    named = Access(URL, {}, {"address": b"socks5://inner.example.org"}).within(environ)
    assert named.proxy is not None
    assert (named.proxy.host, named.proxy.port, named.proxy.is_trusted) == ("inner.example.org", 1080, False)
    found = Access(URL).within(environ).proxy
    assert found is not None
    assert (found.host, found.is_trusted) == ("outer.example.org", True)


@pytest.mark.parametrize(
    ("no_proxy", "is_straight"),
    [
        ("*", True),
        ("git.example.org", True),
        (".example.org", True),
        ("example.org:443", True),
        ("example.org:8443", False),
        ("ample.org", False),
        ("10.0.0.0/8", False),
        ("", False),
    ],
)
def test_no_proxy_is_heeded(no_proxy: str, is_straight: bool) -> None:
    environ = {"https_proxy": "outer.example.org:1", "no_proxy": no_proxy}
    assert (Access(URL).within(environ).proxy is None) == is_straight
    assert Access("https://127.0.0.1:1/x").within(environ).proxy is None
    inside = Access("https://10.1.2.3/x").within(environ | {"no_proxy": "10.0.0.0/8"})
    assert inside.proxy is None


def test_ssh_is_told_all_it_needs_and_the_files_go_with_the_context(tmp_path: Path) -> None:
    access = Access(SSH.replace("//", "//robot@"), {"identity": b"key", "known_hosts": b"[git.example.org]:2222 x"})
    assert access.url == SSH

    class Fixed(Anywhere):
        def resolve(self, host: str, port: int) -> Pinned:
            return super().resolve(host and "192.0.2.7", port)

    with access.environment(access.url, Fixed(), tmp_path) as environment:
        command = environment["GIT_SSH_COMMAND"]
        for option in (
            *("HostName=192.0.2.7", "HostKeyAlias=[git.example.org]:2222", "User=robot", "StrictHostKeyChecking=yes"),
            "IdentityAgent=none",
        ):
            assert option in command
        folder = next(tmp_path.iterdir())
        assert {each.name: each.stat().st_mode & 0o777 for each in folder.iterdir()} == {
            "identity": 0o600,
            "known_hosts": 0o600,
        }
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", [PrivateFormat.OpenSSH, PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_an_identity_under_a_passphrase_is_opened(form: PrivateFormat, tmp_path: Path) -> None:
    if form is PrivateFormat.OpenSSH:
        key: object = Ed25519PrivateKey.generate()
    else:
        key = generate_private_key(65537, 2048)
    closed = key.private_bytes(Encoding.PEM, form, BestAvailableEncryption(b"hunter2"))  # type: ignore[attr-defined]
    plain = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())  # type: ignore[attr-defined]
    known = {"known_hosts": b"x"}
    access = Access(SSH.replace("git.example.org", "127.0.0.1"), {"identity": closed, "password": b"hunter2", **known})
    with access.environment(access.url, Anywhere(), tmp_path):
        written = next(tmp_path.glob("*/identity")).read_bytes()
    assert b"OPENSSH PRIVATE KEY" in written
    assert len(written.splitlines()) == len(plain.splitlines())
    with pytest.raises(AccessError, match="encrypted but no 'password' field was provided"):
        Access(SSH, {"identity": closed, **known})
    with pytest.raises(AccessError, match="cannot be opened with the password") as caught:
        Access(SSH, {"identity": closed, "password": b"wrong", **known})
    assert "wrong" not in str(caught.value)
