"""The original sops and ours side by side: commands and editors that they start, and key services that they are."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kit.sopsground import OURS, SopsGround, check, make_ground

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def ground(program: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> SopsGround:
    return make_ground(tmp_path_factory.mktemp("ground"), program("sops"), program("age-keygen"))


@pytest.mark.parametrize(
    "words",
    [
        ("e-flat.yaml", "echo $A $B $C $D $HOME"),
        ("e.env", "env | grep '^[ABC]='"),
        ("e-flat.yaml", "exit 3"),
        ("e-flat.yaml", "kill -9 $$"),
        ("e-flat.yaml", "cat"),
        ("--pristine", "e-flat.yaml", "echo $A $HOME"),
        ("--same-process", "e-flat.yaml", "echo $A; exit 4"),
        ("--background", "--same-process", "e-flat.yaml", "true"),
        ("--user", "nobody-at-all", "e-flat.yaml", "true"),
        ("e.yaml", "true"),
        ("e-flat.yaml",),
        ("nowhere.yaml", "true"),
        ("changed.yaml", "true"),
    ],
)
def test_values_in_the_environment_of_a_command(ground: SopsGround, words: tuple[str, ...]) -> None:
    check(ground, ["exec-env", *words], b"input", {"A": "not this"})


@pytest.mark.parametrize(
    "words",
    [
        ("e.yaml", "cat {}"),
        ("--output-type", "json", "e.yaml", "cat {}"),
        ("--no-fifo", "e.yaml", "cat {} {}"),
        ("e.yaml", "stat -c %F:%a {}; basename {}; stat -c %a $(dirname {})"),
        ("--no-fifo", "e.yaml", "stat -c %F:%a {}"),
        ("--filename", "x.yaml", "e.yaml", "basename {}; cat {}"),
        ("--filename", "x.yaml", "--no-fifo", "e.yaml", "basename {}; cat {}"),
        ("--filename", "../x", "e.yaml", "cat {}"),
        ("--filename", "/x", "e.yaml", "cat {}"),
        ("e.yaml", "true"),
        ("e.yaml", "exit 5"),
        ("e.yaml", "head -c 1 {}; exit 6"),
        ("e.yaml",),
        ("nowhere.yaml", "true"),
        ("changed.yaml", "true"),
        ("e.txt", "cat {}"),
    ],
)
def test_a_file_for_a_command(ground: SopsGround, words: tuple[str, ...]) -> None:
    check(ground, ["exec-file", *words])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize(
    "words",
    [
        ("exec-env", "--user", "nobody", "e-flat.yaml", "id -un; echo $A $HOME $USER"),
        ("exec-file", "--user", "nobody", "e.yaml", "id -un; cat {}"),
        ("exec-file", "--user", "nobody", "--no-fifo", "e.yaml", "id -un; cat {}; stat -c %U:%a {}"),
    ],
)
def test_another_user_runs_the_command(ground: SopsGround, words: tuple[str, ...]) -> None:
    """Nothing is imported any more once we are that user, who may not be able to read where Python is."""
    assert check(ground, list(words)).output.startswith("nobody\n")


EDITS: list[tuple[list[str], dict[str, str]]] = [
    (["edit", "e-keys.yaml"], {}),
    (["e-keys.yaml"], {"SOPS_CONFIG": "one.rules"}),
    (["e-keys.yaml"], {}),
    (["edit", "e-keys.yaml"], {"EDITOR": "false", "SOPS_EDITOR": "./editor"}),
    (["edit", "e-keys.yaml"], {"EDITOR": "true"}),
    (["edit", "e-keys.yaml"], {"EDITOR": "false"}),
    (["edit", "e-keys.yaml"], {"EDITOR": "sh -c 'exit 3'"}),
    (["edit", "e-keys.yaml"], {"EDITOR": "no-such-program"}),
    (["edit", "e-keys.yaml"], {"EDITOR": "'"}),
    (["edit", "-a", "AGE_ONE", "new.yaml"], {"EDITOR": "sed -i s/example_value/x/"}),
    (["edit", "-a", "AGE_ONE", "new.json"], {"EDITOR": "sed -i s/example_value/x/"}),
    (["edit", "-a", "AGE_ONE", "new.env"], {"EDITOR": "sed -i s/example_value/x/"}),
    (["edit", "-a", "AGE_ONE", "new.ini"], {"EDITOR": "sed -i s/example_value/x/"}),
    (["edit", "-a", "AGE_ONE", "new.txt"], {"EDITOR": "sed -i s/SOPS/x/"}),
    (["-a", "AGE_ONE", "--encrypted-regex", "key$", "new.yaml"], {"EDITOR": "sed -i s/example_value/x/"}),
    (["edit", "new.yaml"], {}),
    (["edit", "-a", "nonsense", "new.yaml"], {}),
    (["edit", "changed.yaml"], {}),
    (["edit", "--ignore-mac", "changed.yaml"], {"EDITOR": "sed -i s/other/more/"}),
    (["edit", "p.yaml"], {}),
    (["edit"], {}),
    ([], {}),
]


@pytest.mark.parametrize(("words", "environ"), EDITS)
def test_editing(ground: SopsGround, words: list[str], environ: dict[str, str]) -> None:
    check(ground, words, b"\n", environ)


def test_an_edit_that_breaks_the_file_is_corrected(ground: SopsGround) -> None:
    """The original takes one byte of what is typed at it, ours a line."""
    check(ground, ["edit", "e-keys.yaml"], b"\n", {"EDITOR": "./breaking-editor"})


def test_an_edit_changes_one_value_the_time_and_the_seal(ground: SopsGround) -> None:
    done = check(ground, ["edit", "e-keys.yaml"])
    before, after = (
        text.splitlines() for text in (ground.encrypted["e-keys.yaml"].decode(), done.written["e-keys.yaml"].decode())
    )
    changed = [line.split(":")[0].strip() for line, other in zip(before, after, strict=True) if line != other]
    assert set(changed) <= {"password", "lastmodified", "mac"}
    assert "password" in changed


@pytest.mark.parametrize("serves_ours", [False, True])
def test_a_key_service_serves_both(ground: SopsGround, serves_ours: bool) -> None:
    ground.lay_out()
    socket = ground.folder / "keys.sock"
    program = [sys.executable, "-c", OURS] if serves_ours else [str(ground.original)]
    server = subprocess.Popen(
        [*program, "keyservice", "--network", "unix", "--address", str(socket)],
        env={"PATH": os.environ["PATH"], "HOME": str(ground.folder), "SOPS_AGE_KEY": ground.identities},
    )
    try:
        deadline = time.monotonic() + 30
        while not socket.exists() and time.monotonic() < deadline:
            assert server.poll() is None
            time.sleep(0.02)
        words = ["decrypt", "--enable-local-keyservice=false", "--keyservice", f"unix://{socket}", "e.yaml"]
        done = [ground.start(is_ours, words, b"", {"SOPS_AGE_KEY": ""}) for is_ours in (False, True)]
        assert [one.returncode for one in done] == [0, 0]
        assert done[0].stdout == done[1].stdout
        if serves_ours:
            assert socket.stat().st_mode & 0o777 == 0o600
    finally:
        server.terminate()
        assert server.wait(timeout=30) == 0 or not serves_ours  # the original ends with 0 or 1, as it happens
        socket.unlink(missing_ok=True)
