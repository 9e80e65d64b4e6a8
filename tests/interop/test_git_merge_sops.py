"""Branches that change one SOPS file are merged by the real git with our driver; the real sops verifies the result."""

import json
from collections.abc import Callable
from pathlib import Path

import pyrage
import pytest

from tests.kit.gitclone import Clone

pytestmark = pytest.mark.interop

PLAIN = {
    "s.yaml": "# about a\na: canary-a\nb: canary-b\nc:\n    d: canary-d\n    e:\n        - canary-e\n",
    "s.json": '{"a": "canary-a", "b": "canary-b", "c": {"d": "canary-d", "e": ["canary-e"]}}\n',
    "s.env": "# about a\na=canary-a\nb=canary-b\n",
    "s.ini": "[main]\na = canary-a\nb = canary-b\n",
}
WHERE = {"s.yaml": ("a", "b"), "s.json": ("a", "b"), "s.env": ("a", "b"), "s.ini": ("main.a", "main.b")}


def index(path: str) -> str:
    return "".join(f'["{part}"]' for part in path.split("."))


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    made = Clone(tmp_path)
    made.kseal("git", "install")
    return made


def diverge(clone: Clone, name: str, ours: Callable[[], object], theirs: Callable[[], object]) -> None:
    """A commit of the file as it is; on top of it one commit on a branch `side`, and one on `main`, which is out."""
    clone.commit("base")
    clone.git("checkout", "--quiet", "-b", "side")
    theirs()
    clone.commit("theirs")
    clone.git("checkout", "--quiet", "main")
    ours()
    clone.commit("ours")


def values(clone: Clone, name: str) -> dict[str, object]:
    """What the real sops decrypts, its MAC verified."""
    found = json.loads(clone.sops("decrypt", "--output-type", "json", name))
    assert isinstance(found, dict)
    return found["main"] if name.endswith(".ini") else found


@pytest.mark.parametrize("name", PLAIN)
def test_two_branches_edit_different_values(clone: Clone, name: str) -> None:
    first, second = WHERE[name]
    clone.encrypted(name, PLAIN[name])
    diverge(
        clone,
        name,
        lambda: clone.sops("set", name, index(first), '"canary-ours"'),
        lambda: clone.sops("set", name, index(second), '"canary-theirs"'),
    )
    before = clone.read(name)
    clone.git("merge", "--quiet", "--no-edit", "side")
    merged = values(clone, name)
    assert (merged["a"], merged["b"]) == ("canary-ours", "canary-theirs")
    kept = [line for line in before.splitlines() if line in clone.read(name).splitlines()]
    assert len(kept) >= len(before.splitlines()) - (5 if name != "s.env" else 4)
    assert clone.holds("canary") == []
    assert list(clone.temporary.iterdir()) == []


@pytest.mark.parametrize("name", PLAIN)
def test_a_true_conflict_is_reported_by_its_key_and_leaves_a_valid_file(clone: Clone, name: str) -> None:
    first, second = WHERE[name]
    clone.encrypted(name, PLAIN[name])

    def theirs() -> None:
        clone.sops("set", name, index(first), '"canary-theirs"')
        clone.sops("set", name, index(second), '"canary-more"')

    diverge(clone, name, lambda: clone.sops("set", name, index(first), '"canary-ours"'), theirs)
    said = clone.git("merge", "--no-edit", "side", code=1)
    assert f"{name}: both sides changed {index(first)}" in said
    assert "CONFLICT" in said
    assert "ENC[" not in said
    assert "canary" not in said
    assert "<<<<" not in clone.read(name)
    merged = values(clone, name)
    assert (merged["a"], merged["b"]) == ("canary-ours", "canary-more")
    assert clone.git("diff", "--name-only", "--diff-filter=U").strip() == name
    clone.git("checkout", "--theirs", name)
    assert values(clone, name)["a"] == "canary-theirs"
    assert clone.holds("canary") == []


@pytest.mark.parametrize("name", ["s.yaml", "s.env"])
def test_both_sides_add_recipients_and_one_edits_with_no_key_at_hand(clone: Clone, name: str) -> None:
    identities = [pyrage.x25519.Identity.generate() for _ in range(2)]
    clone.encrypted(name, PLAIN[name])

    def for_more(identity: pyrage.x25519.Identity) -> None:
        recipients = f"{clone.recipient},{identity.to_public()}"
        rules = clone.home / "sops.yaml"
        rules.write_text(f"creation_rules: [{{age: '{recipients}'}}]")
        clone.sops("--config", str(rules), "updatekeys", "-y", name)

    def ours() -> None:
        for_more(identities[0])
        clone.sops("set", name, '["a"]', '"canary-ours"')

    diverge(clone, name, ours, lambda: for_more(identities[1]))
    clone.git("merge", "--quiet", "--no-edit", "side", environ={"SOPS_AGE_KEY": ""})
    for identity in identities:
        done = clone.run(str(clone.sops_program), "decrypt", name, environ={"SOPS_AGE_KEY": str(identity)})
        assert "canary-ours" in done.stdout


def test_one_side_rotates_and_the_other_edits(clone: Clone) -> None:
    clone.encrypted("s.yaml", PLAIN["s.yaml"])
    extra = pyrage.x25519.Identity.generate()

    def ours() -> None:
        clone.sops("set", "s.yaml", '["a"]', '"canary-ours"')

    def theirs() -> None:
        clone.sops("rotate", "-i", "--add-age", str(extra.to_public()), "s.yaml")

    diverge(clone, "s.yaml", ours, theirs)
    rotated = clone.git("show", "side:s.yaml")
    clone.git("merge", "--quiet", "--no-edit", "side")
    assert values(clone, "s.yaml")["a"] == "canary-ours"
    unchanged = [line for line in rotated.splitlines() if line.startswith("b: ENC[")]
    assert unchanged[0] in clone.read("s.yaml").splitlines()
    opened = clone.run(str(clone.sops_program), "decrypt", "s.yaml", environ={"SOPS_AGE_KEY": str(extra)})
    assert "canary-ours" in opened.stdout


def test_without_a_key_an_edit_on_both_sides_is_refused_and_ours_stays(clone: Clone) -> None:
    clone.encrypted("s.yaml", PLAIN["s.yaml"])
    diverge(
        clone,
        "s.yaml",
        lambda: clone.sops("set", "s.yaml", '["a"]', '"canary-ours"'),
        lambda: clone.sops("set", "s.yaml", '["b"]', '"canary-theirs"'),
    )
    before = clone.read("s.yaml")
    said = clone.git("merge", "--no-edit", "side", code=1, environ={"SOPS_AGE_KEY": ""})
    assert "s.yaml: not merged: ours: cannot get the data key" in said
    assert "ENC[" not in said
    assert clone.read("s.yaml") == before
    clone.git("merge", "--abort")
    assert clone.read("s.yaml") == before


def test_a_side_with_a_wrong_mac_is_refused(clone: Clone) -> None:
    clone.encrypted("s.yaml", PLAIN["s.yaml"])

    def theirs() -> None:  # two values change places of no consequence to their tags: a key goes
        lines = clone.read("s.yaml").splitlines(keepends=True)
        clone.write("s.yaml", "".join(line for line in lines if not line.startswith("b:")))

    diverge(clone, "s.yaml", lambda: clone.sops("set", "s.yaml", '["a"]', '"canary-ours"'), theirs)
    before = clone.read("s.yaml")
    said = clone.git("merge", "--no-edit", "side", code=1)
    assert "theirs: MAC mismatch" in said
    assert clone.read("s.yaml") == before


@pytest.mark.parametrize("how", ["rebase", "cherry-pick", "stash"])
def test_other_ways_to_merge(clone: Clone, how: str) -> None:
    clone.encrypted("s.yaml", PLAIN["s.yaml"])
    clone.commit("base")
    clone.git("checkout", "--quiet", "-b", "side")
    clone.sops("set", "s.yaml", '["b"]', '"canary-theirs"')
    if how == "stash":
        clone.git("stash")
    else:
        clone.commit("theirs")
    clone.git("checkout", "--quiet", "main")
    clone.sops("set", "s.yaml", '["a"]', '"canary-ours"')
    clone.commit("ours")
    commands = {"rebase": ["rebase", "main", "side"], "cherry-pick": ["cherry-pick", "side"], "stash": ["stash", "pop"]}
    clone.git(*commands[how])
    merged = values(clone, "s.yaml")
    assert (merged["a"], merged["b"]) == ("canary-ours", "canary-theirs")
    assert clone.holds("canary") == []


def test_a_merge_of_crossed_histories_never_takes_a_side_silently(clone: Clone) -> None:
    """Two merges across, each settling the conflict its own way, then a merge of those."""
    clone.encrypted("s.yaml", PLAIN["s.yaml"])
    diverge(
        clone,
        "s.yaml",
        lambda: clone.sops("set", "s.yaml", '["a"]', '"canary-ours"'),
        lambda: clone.sops("set", "s.yaml", '["a"]', '"canary-theirs"'),
    )
    clone.git("branch", "main-before")
    clone.git("merge", "--no-edit", "side", code=1)
    clone.commit("ours stays")
    clone.git("checkout", "--quiet", "side")
    clone.git("merge", "--no-edit", "main-before", code=1)
    clone.commit("theirs stays")
    clone.git("checkout", "--quiet", "main")
    said = clone.git("merge", "--no-edit", "side", code=1)
    assert 'both sides changed ["a"]' in said


def test_files_that_are_not_encrypted_merge_as_ever(clone: Clone) -> None:
    clone.write("plain.yaml", "a: 1\nb: 2\nc: 3\nd: 4\ne: 5\n")
    diverge(
        clone,
        "plain.yaml",
        lambda: clone.write("plain.yaml", "a: ours\nb: 2\nc: 3\nd: 4\ne: 5\n"),
        lambda: clone.write("plain.yaml", "a: 1\nb: 2\nc: 3\nd: 4\ne: theirs\n"),
    )
    clone.git("merge", "--quiet", "--no-edit", "side")
    assert clone.read("plain.yaml") == "a: ours\nb: 2\nc: 3\nd: 4\ne: theirs\n"


def test_files_that_are_not_encrypted_conflict_as_ever(clone: Clone) -> None:
    clone.write("plain.yaml", "a: 1\n")
    diverge(
        clone,
        "plain.yaml",
        lambda: clone.write("plain.yaml", "a: ours\n"),
        lambda: clone.write("plain.yaml", "a: theirs\n"),
    )
    clone.git("merge", "--no-edit", "side", code=1)
    assert clone.read("plain.yaml") == "<<<<<<< ours\na: ours\n=======\na: theirs\n>>>>>>> theirs\n"


@pytest.mark.parametrize("name", ["my secrets/it's $HOME.yaml", "-x.yaml", "ünï.yaml"])
def test_paths_of_any_kind(clone: Clone, name: str) -> None:
    clone.encrypted("s.yaml", PLAIN["s.yaml"])
    clone.write(name, clone.read("s.yaml"))

    def change(key: str) -> None:
        clone.sops("set", f"./{name}", f'["{key}"]', '"canary-new"')

    diverge(clone, name, lambda: change("a"), lambda: change("b"))
    clone.git("merge", "--quiet", "--no-edit", "side")
    merged = values(clone, f"./{name}")
    assert (merged["a"], merged["b"]) == ("canary-new", "canary-new")
    assert "hash:" in clone.git("log", "-p")


RICH = """\
# about the first
a: 1
when: 2024-01-02T03:04:05Z
list:
    # the first item
    - one
    - name: two
      port: 2
    - 3.5
users:
    - name: root
      word: canary-root
empty: ""
nothing: null
open_unencrypted: seen
# at the end
---
kind: Secret
metadata:
    name: db
data:
    # of data
    word: canary-db
"""


def test_a_rich_file_of_several_documents(clone: Clone) -> None:
    """Comments, lists, times, nulls: each side changes some, through an editor as people do."""
    clone.encrypted("s.yaml", RICH)

    def edited(*changes: tuple[str, str]) -> None:
        script = "#!/bin/sh\n" + "".join(f"sed -i 's/{old}/{new}/' \"$1\"\n" for old, new in changes)
        editor = clone.home / "editor"
        editor.write_text(script)
        editor.chmod(0o755)
        clone.run(str(clone.sops_program), "s.yaml", environ={"EDITOR": str(editor), "TMPDIR": str(clone.home)})

    diverge(
        clone,
        "s.yaml",
        lambda: edited(
            ("^a: 1", "a: 2"), ("- one", "- uno"), ("port: 2", "port: 22"), ("^empty:.*", "empty: full\\nnew: [1, 2]")
        ),
        lambda: edited(
            ("03:04:05", "04:04:05"), ("canary-root", "canary-2\\n    - name: guest\\n      word: canary-3"),
            ("of data", "about data"), ("canary-db", "canary-4"), ("^nothing: null", "nothing: {x: y}"),
        ),
    )  # fmt: skip
    clone.git("merge", "--quiet", "--no-edit", "side", environ={"TMPDIR": str(clone.home / "none")})
    merged = clone.sops("decrypt", "s.yaml")
    expected = RICH
    for old, new in (
        ("a: 1\n", "a: 2\n"), ("- one", "- uno"), ("port: 2", "port: 22"), ("03:04", "04:04"),
        ('empty: ""\n', "empty: full\nnew:\n    - 1\n    - 2\n"), ("nothing: null", "nothing:\n    x: \"y\""),
        ("canary-root", "canary-2\n    - name: guest\n      word: canary-3"), ("of data", "about data"),
        ("canary-db", "canary-4"),
    ):  # fmt: skip
        expected = expected.replace(old, new)
    assert merged == expected
    assert clone.holds("canary") == []
