"""What is typed at the terminal and is no text is no answer, and shows up in no error."""

import getpass

import pytest

from sealer.cli.sops import attended


def undecodable(_: str) -> str:
    return b"hunter\xff2".decode()


@pytest.mark.parametrize("typed", [undecodable, lambda _: "hunter\udcff2"])
def test_a_passphrase_that_is_no_text_is_no_answer(monkeypatch: pytest.MonkeyPatch, typed: object) -> None:
    monkeypatch.setattr(attended, "_TERMINAL", "/dev/null")
    monkeypatch.setattr(getpass, "getpass", typed)
    assert attended.AtTerminal().secret("passphrase: ") is None


def test_a_passphrase_is_kept_as_bytes_that_do_not_print(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attended, "_TERMINAL", "/dev/null")
    monkeypatch.setattr(getpass, "getpass", lambda _: "hünter2")
    given = attended.AtTerminal().secret("passphrase: ")
    assert given is not None
    assert given.reveal() == "hünter2".encode()
    assert "hünter2" not in repr(given)
