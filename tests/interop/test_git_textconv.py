"""What git shows of encrypted files with our textconv: which values changed, never what they are."""

import re
import socket
from pathlib import Path
from threading import Thread

import pytest

from tests.kit.gitclone import Clone

pytestmark = pytest.mark.interop

PLAIN = {
    "s.yaml": "# canary-note\na: canary-1\nb: canary-2\nsame: canary-1\nopen_unencrypted: seen\n",
    "s.json": '{"a": "canary-1", "b": "canary-2", "same": "canary-1", "open_unencrypted": "seen"}\n',
    "s.env": "a=canary-1\nb=canary-2\nsame=canary-1\nopen_unencrypted=seen\n",
    "s.ini": "[main]\na = canary-1\nb = canary-2\nsame = canary-1\nopen_unencrypted = seen\n",
}
HASH = re.compile(r"\b(\w+)\W+(hash:[0-9a-f]{16})")


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    made = Clone(tmp_path)
    made.kseal("git", "install")
    return made


@pytest.mark.parametrize("name", PLAIN)
def test_a_diff_shows_which_values_changed_and_none_of_them(clone: Clone, name: str) -> None:
    place = '["main"]["b"]' if name == "s.ini" else '["b"]'
    clone.encrypted(name, PLAIN[name])
    clone.commit()
    clone.sops("set", name, place, '"canary-3"')
    shown = clone.git("diff")
    changed = [HASH.search(line) for line in shown.splitlines() if re.match(r"[-+][^-+]", line)]
    assert [found and found[1] for found in changed] == ["b", "b"]
    whole = clone.kseal("git", "textconv", name)
    hashes = dict(HASH.findall(whole))
    assert hashes["a"] == hashes["same"] != hashes["b"]
    assert "seen" in whole
    clone.commit()
    for text in (shown, whole, clone.git("log", "-p"), clone.git("show")):
        assert "canary" not in text
        assert "ENC[" not in text
    assert clone.holds("canary") == []


def test_a_recipient_that_was_added_is_seen(clone: Clone) -> None:
    other = Clone.new_recipient()
    clone.encrypted("s.yaml", PLAIN["s.yaml"])
    clone.commit()
    clone.sops("rotate", "-i", "--add-age", other, "s.yaml")
    assert f"+# opened by: age {other}" in clone.git("diff")


def test_hashes_of_another_clone_are_others(clone: Clone, tmp_path: Path) -> None:
    clone.encrypted("s.yaml", PLAIN["s.yaml"])
    clone.commit()
    first = clone.kseal("git", "textconv", "s.yaml")
    assert clone.kseal("git", "textconv", "s.yaml") == first
    key = clone.folder / ".git" / "kseal" / "hash.key"
    assert key.stat().st_mode & 0o777 == 0o600
    key.unlink()
    second = clone.kseal("git", "textconv", "s.yaml")
    assert set(HASH.findall(first)).isdisjoint(HASH.findall(second))


def test_without_a_key_the_ciphertext_is_hashed(clone: Clone) -> None:
    clone.encrypted("s.yaml", PLAIN["s.yaml"])
    clone.commit()
    clone.sops("set", "s.yaml", '["b"]', '"canary-3"')
    shown = clone.git("diff", environ={"SOPS_AGE_KEY": ""})
    assert [line.split(":")[0] for line in shown.splitlines() if re.match(r"[-+]\w", line)] == ["-b", "+b"]
    assert "ciphertext:" in shown
    assert "# warning: no key at hand opens it" in shown


def test_a_wrong_seal_is_said_in_the_diff(clone: Clone) -> None:
    clone.encrypted("s.yaml", PLAIN["s.yaml"])
    clone.commit()
    clone.write("s.yaml", re.sub(r"^b: .*\n", "", clone.read("s.yaml"), flags=re.MULTILINE))
    assert "+# warning: MAC mismatch" in clone.git("diff")


def test_a_broken_file_does_not_end_the_log(clone: Clone) -> None:
    clone.encrypted("s.yaml", PLAIN["s.yaml"])
    clone.commit()
    clone.write("s.yaml", clone.read("s.yaml") + "<<<<<<< HEAD\n")
    clone.commit()
    assert "+# not shown: " in clone.git("log", "-p")


def test_reveal_shows_values_and_refuses_a_cache(clone: Clone) -> None:
    clone.encrypted("s.yaml", PLAIN["s.yaml"])
    clone.commit()
    assert "a: canary-1\n" in clone.kseal("git", "textconv", "--reveal", "s.yaml")
    clone.git("config", "diff.kseal.cachetextconv", "true")
    said = clone.kseal("git", "textconv", "--reveal", "s.yaml", code=2)
    assert "diff.kseal.cachetextconv is on: git would keep the values in the repository" in said
    assert "canary" not in said


def test_what_is_not_encrypted_is_shown_as_it_is(clone: Clone) -> None:
    clone.write("plain.yaml", "a: 1\n")
    clone.write("binary.json", "\x00\x01")
    assert clone.kseal("git", "textconv", "plain.yaml") == "a: 1\n"
    clone.commit()
    clone.write("plain.yaml", "a: 2\n")
    assert "-a: 1\n+a: 2\n" in clone.git("diff")


def test_a_diff_calls_no_server_that_a_file_names(clone: Clone) -> None:
    """Whoever writes a file names the server that would get our token."""
    clone.encrypted("s.yaml", PLAIN["s.yaml"])
    called = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return  # the test is over
                called.append(connection.recv(1))
                connection.close()

        Thread(target=serve, daemon=True).start()
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        key = f"vault_address: {address}, engine_path: transit, key_name: k, created_at: 2026-01-02T03:04:05Z, enc: x"
        age = re.compile(r"    age:\n(        .*\n|    .*-----.*\n)+")
        clone.write("s.yaml", age.sub(f"    hc_vault: [{{{key}}}]\n", clone.read("s.yaml")))
        clone.commit()
        shown = clone.git("show", environ={"VAULT_TOKEN": "canary"})
        assert "no key at hand opens it" in shown
        assert f"opened by: hc_vault {address}" in shown
        assert called == []
        clone.git("config", "kseal.network", "true")
        assert "no key at hand opens it" in clone.git("show", environ={"VAULT_TOKEN": "canary"})
        assert called
        server.shutdown(socket.SHUT_RDWR)  # ends the thread


def test_a_terminal_gets_no_control_characters(clone: Clone) -> None:
    clone.encrypted("s.env", "a=\x1b[2Jcanary\n")
    typed = clone.run("script", "-qec", "kseal git textconv --reveal s.env", "/dev/null").stdout
    assert "\x1b" not in typed
    assert r"a=\u001b[2Jcanary" in typed
