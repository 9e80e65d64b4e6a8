"""The thread that opens wrapped keys: each content once, what does not open again and again, and told once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.sealed.wrappedkeys import Opener, Result
from engine.errors import KsealError
from sealer.keys import SealingKey
from sealer.wrappedkey import WrappedKey, read
from sealer.wrapping import Wrapping
from tests.kit.process import wait_until
from tests.kit.sealingkeys import a_key
from tests.kit.wrappedkeys import no_service, wrapped_secret, write_identity

KEY = a_key()


class Watched:
    """An opener for the identity in a file, and what it says."""

    def __init__(self, identity: Path) -> None:
        self.results: list[tuple[str, Result]] = []
        self.troubles: list[tuple[str, KsealError]] = []
        wrapping = Wrapping([], [str(identity)], no_service, naming="", identifying="mount it")
        self.opener = Opener(
            wrapping,
            on_result=lambda wrapped, result: self.results.append((wrapped.name, result)),
            on_trouble=lambda wrapped, error: self.troubles.append((wrapped.name, error)),
        )
        self.opener.start()


@pytest.fixture
def identity(tmp_path: Path) -> Path:
    return write_identity(tmp_path / "identity")


@pytest.fixture
def watched(identity: Path) -> Iterator[Watched]:
    watched = Watched(identity)
    yield watched
    watched.opener.stop()


@pytest.fixture
def wrapped(identity: Path) -> WrappedKey:
    return read(wrapped_secret("key-1", "home", KEY, identity))


def test_a_key_is_opened_once_and_known_from_then_on(watched: Watched, wrapped: WrappedKey) -> None:
    assert watched.opener.result(wrapped) is None
    wait_until(lambda: bool(watched.results), "it is opened")
    found = watched.opener.result(wrapped)
    assert isinstance(found, SealingKey)
    assert found.private_pem() == KEY.private_pem()
    assert watched.opener.result(wrapped) is found
    assert len(watched.results) == 1
    watched.opener.forget("key-1")
    assert watched.opener.result(wrapped) is None


def test_what_does_not_open_is_told_once_and_tried_until_it_does(
    watched: Watched, wrapped: WrappedKey, identity: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("controller.sealed.wrappedkeys.FIRST_PAUSE", 0.1)
    identity.unlink()
    watched.opener.result(wrapped)
    wait_until(lambda: bool(watched.troubles), "the trouble is told")
    for _ in range(3):
        assert watched.opener.result(wrapped) is None, "an event about the same content changes nothing"
    trouble = watched.opener.trouble_with("key-1")
    assert trouble is not None
    assert trouble.message == watched.troubles[0][1].message
    assert trouble.hint == "mount it"
    write_identity(identity)
    wait_until(lambda: bool(watched.results), "it is opened")
    assert len(watched.troubles) == 1
    assert watched.opener.trouble_with("key-1") is None


def test_a_key_that_was_wrapped_here_is_not_opened_again(watched: Watched, wrapped: WrappedKey) -> None:
    watched.opener.remember(wrapped, KEY)
    assert watched.opener.result(wrapped) is KEY
    assert watched.results == []


def test_what_can_never_be_right_is_a_result(watched: Watched, wrapped: WrappedKey) -> None:
    moved = wrapped._replace(name="key-2")
    watched.opener.result(moved)
    wait_until(lambda: bool(watched.results), "it is looked at")
    ((name, result),) = watched.results
    assert (name, isinstance(result, KsealError)) == ("key-2", True)
    assert watched.opener.result(moved) is result


def test_newer_content_is_what_counts(watched: Watched, wrapped: WrappedKey, identity: Path) -> None:
    identity.write_text("")
    watched.opener.result(wrapped)
    wait_until(lambda: bool(watched.troubles), "the first one does not open")
    write_identity(identity)
    newer = read(wrapped_secret("key-1", "home", a_key(), identity))
    watched.opener.result(newer)
    wait_until(lambda: bool(watched.results), "the newer one is opened")
    assert watched.opener.result(newer) is watched.results[-1][1]
    assert watched.opener.trouble_with("key-1") is None
