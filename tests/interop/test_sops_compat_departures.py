"""Where `sops` of ours does otherwise than the original on purpose; docs/sops.md says why."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kit.sopsground import SopsGround, make_ground

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def ground(program: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> SopsGround:
    return make_ground(tmp_path_factory.mktemp("ground"), program("sops"), program("age-keygen"))


def test_a_pattern_that_is_none_is_an_error_and_not_plaintext(ground: SopsGround) -> None:
    words = ["encrypt", "-a", "AGE_ONE", "--encrypted-regex", "^(data)(?!x)", "keys.yaml"]
    theirs, ours = (ground.run(is_ours, words) for is_ours in (False, True))
    assert theirs.code == 0
    assert "hunter2" in theirs.output
    assert ours.code == 1
    assert "no pattern in Go's syntax" in ours.error
    assert ours.output == ""


def test_an_edit_with_master_keys_shown_is_not_lost(ground: SopsGround) -> None:
    theirs, ours = (ground.run(is_ours, ["edit", "-s", "e-keys.yaml"]) for is_ours in (False, True))
    assert (ours.code, theirs.code) == (0, 0)
    # Within a second it writes the very bytes that were there.
    theirs_after = theirs.written.get("e-keys.yaml", ground.encrypted["e-keys.yaml"])
    assert "hunter2" in ground.opened(False, theirs_after)
    assert "hunter3" in ground.opened(True, ours.written["e-keys.yaml"])


def test_two_modes_at_once_only_do_the_last(ground: SopsGround) -> None:
    theirs, ours = (ground.run(is_ours, ["-e", "-d", "-a", "AGE_ONE", "e.yaml"]) for is_ours in (False, True))
    assert (ours.code, ours.output) == (theirs.code, theirs.output)


def test_what_crashes_the_original_is_an_error(ground: SopsGround) -> None:
    for place in ('["b"]["c"]', "[]", '["]', '["b"][-1]'):
        theirs, ours = (ground.run(is_ours, ["decrypt", "--extract", place, "e.yaml"]) for is_ours in (False, True))
        assert theirs.code == 2
        assert "goroutine" in theirs.error
        assert ours.code in {1, 91}
        assert "Traceback" not in ours.error


def test_a_key_that_is_no_string_is_refused_where_it_is_read(ground: SopsGround) -> None:
    words = ["encrypt", "-a", "AGE_ONE", "number-key.yaml"]
    theirs, ours = (ground.run(is_ours, words) for is_ours in (False, True))
    assert (theirs.code, ours.code) == (23, 2)
    assert "a key is no string" in ours.error


def test_a_group_without_keys_is_not_written(ground: SopsGround) -> None:
    theirs, ours = (ground.run(is_ours, ["groups", "add", "-i", "-f", "e.yaml"]) for is_ours in (False, True))
    assert theirs.code == 0
    assert theirs.written
    assert ours.code == 1
    assert not ours.written


def test_the_last_group_is_not_deleted(ground: SopsGround) -> None:
    words = ["groups", "delete", "-i", "-f", "e.yaml", "0"]
    theirs, ours = (ground.run(is_ours, words) for is_ours in (False, True))
    assert b"BEGIN AGE" not in theirs.written["e.yaml"]
    assert ours.code == 1
    assert not ours.written


def test_what_an_ini_file_has_no_room_for_is_not_written(ground: SopsGround) -> None:
    words = ["set", "e.ini", '["one"]["key"]', '{"x": 1}']
    theirs, ours = (ground.run(is_ours, words) for is_ours in (False, True))
    (ground.folder / "e.ini").write_bytes(theirs.written["e.ini"])
    assert ground.start(False, ["decrypt", "e.ini"], b"", {}).returncode == 25
    assert ours.code == 4
    assert not ours.written


def test_a_pristine_environment_is_also_empty_for_an_empty_file(ground: SopsGround) -> None:
    words = ["exec-env", "--pristine", "e-comment.env", "echo home=$HOME"]
    theirs, ours = (ground.run(is_ours, words) for is_ours in (False, True))
    assert (theirs.code, ours.code) == (0, 0)
    assert theirs.output == f"home={ground.folder}\n"
    assert ours.output == "home=\n"
