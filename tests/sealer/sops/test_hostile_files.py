"""Damaged and hostile files by the command line: nothing is written, one clear line says what is wrong, and no value.

Every file is tried with every verb that reads it, as `kseal sops` and as `sops`. Exit codes: sops.md section 11.
"""

import os
import re
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import pyrage
import pytest

from sealer.cli import main
from sealer.sops.formats.base import LIMITS

IDENTITY: Final = "AGE-SECRET-KEY-1WUC5C80A9WKQALRHPQENLQM3JDCD5G9ZDRXDEHSSNURA3PTDN72QP6932L"
RECIPIENT: Final = "age1nk9yhq64ggtj987mwu9jtv9zzlf6eghqp0efzk9kj8d8jf76wvvsy8lpyd"
CANARY: Final = "canary-in-the-mine"
PLAIN: Final = f"user: {CANARY}-user\npassword: {CANARY}-password\nhost_unencrypted: {CANARY}-host\n"
LIMIT_SECONDS: Final = 20.0

Change = Callable[[str], str | bytes]


class Said:
    """What a call said and did."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A good file, and what follows from it is bad."""
    path = tmp_path_factory.mktemp("good") / "db.yaml"
    path.write_text(PLAIN)
    assert main.call(["sops", "encrypt", "-i", "--age", RECIPIENT, str(path)], {}) == 0
    return path.read_text()


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Calls a program in a folder of its own, with the identity unless it is told another environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", None)

    def run(program: str, *words: str, environ: Mapping[str, str] | None = None) -> Said:
        capfd.readouterr()
        line = list(words) if program == "sops" else ["sops", *words]
        home = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "EDITOR": "false"}
        code = main.call_as(program, line, {**home, **({"SOPS_AGE_KEY": IDENTITY} if environ is None else environ)})
        return Said(code, *capfd.readouterr())

    return run


def state(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Every file with its content and the time of its last change."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def assert_clear(said: Said, program: str, place: str) -> None:
    """One line of error, with a hint at most; nothing of a value, and nothing of our insides."""
    assert CANARY not in said.out + said.err, place
    assert "Traceback" not in said.err, place
    assert said.out == "", place
    lines = said.err.splitlines()
    if program == "kseal":
        assert [line.split(": ")[1] for line in lines] in (["error"], ["error", "hint"]), said.err
    else:
        assert lines, place


def swapped(text: str) -> str:
    """Two values that changed their places."""
    values = re.findall(r"ENC\[AES256_GCM,data:[^]]*]", text)
    return text.replace(values[0], "\0").replace(values[1], values[0]).replace("\0", values[1])


def value(text: str) -> str:
    return next(line for line in text.splitlines() if line.startswith("password: ")).removeprefix("password: ")


def bomb(levels: int, width: int = 10) -> str:
    """Aliases of aliases."""
    lines = [f"a0: &a0 [{', '.join(['x'] * width)}]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * width)}]" for level in range(1, levels)]
    return "\n".join(lines) + "\n"


def long_keys(levels: int) -> str:
    """Many values below many long keys: the text is short, what binds each value to its place is not."""
    return "top: " + f"{{{'k' * 900}: " * levels + f"[{'x, ' * 8000}]" + "}" * levels + "\n"


DAMAGES: Final[dict[str, tuple[Change, int, str]]] = {
    "a value cut off": (lambda text: text.replace(value(text), value(text)[:40]), 25, "cut off"),
    "a value without its tag": (lambda text: re.sub(r",tag:[^,]*,", ",", text, count=1), 25, "cut off"),
    "a value of broken base64": (lambda text: text.replace("data:", "data:!", 1), 25, "base64"),
    "a value of an unknown type": (lambda text: text.replace("type:str", "type:map", 1), 25, "unknown type"),
    "a value of another type": (lambda text: text.replace("type:str", "type:int", 1), 25, "of its type"),
    "two values swapped": (swapped, 25, '["user"]'),
    "a value under another key": (lambda text: text.replace("password:", "passwort:"), 25, '["passwort"]'),
    "a number where a ciphertext belongs": (lambda text: text.replace(value(text), "7"), 25, "encrypted text"),
    "a plain value changed": (lambda text: text.replace("-host", "-guest"), 51, "MAC mismatch"),
    "a value left out": (lambda text: re.sub("^user: .*\n", "", text), 51, "MAC mismatch"),
    "another time": (lambda text: re.sub(r'(lastmodified: )".*"', r'\1"2020-01-01T00:00:00Z"', text), 51, "MAC"),
    "no MAC": (lambda text: re.sub("    mac: .*\n", "", text), 51, "MAC"),
    "an empty MAC": (lambda text: re.sub("    mac: .*\n", '    mac: ""\n', text), 51, "no MAC"),
    "a MAC that is none": (lambda text: re.sub("    mac: .*\n", "    mac: abc\n", text), 51, "MAC"),
    "no metadata": (lambda text: text.partition("sops:")[0], 1, "metadata not found"),
    "the file cut off": (lambda text: text[: text.index("-----END")], 1, "lastmodified"),
    "metadata of one word": (lambda text: text.partition("sops:")[0] + "sops: true\n", 1, "not a mapping"),
    "no keys": (lambda text: re.sub(r"    age:\n(        .*\n)+", "", text), 1, "no keys"),
    "keys of no kind that is known": (lambda text: text.replace("    age:", "    quantum:"), 1, "no keys"),
    "a wrapped key cut off": (lambda text: re.sub(r"(BEGIN AGE.*\n +.{20}).*", r"\1", text), 128, RECIPIENT),
    "a threshold of words": (lambda text: text.replace("sops:\n", "sops:\n    shamir_threshold: two\n"), 1, "shamir"),
    "two rules": (
        lambda text: text.replace("    version:", "    encrypted_regex: a\n    version:"),
        8,
        "more than one",
    ),
    "a rule that is no pattern": (
        lambda text: text.replace("unencrypted_suffix: _unencrypted", "encrypted_regex: (?=a)"),
        1,
        "pattern",
    ),
    "a version of the future": (lambda text: re.sub("version: .*", "version: next", text), 1, "version"),
    "not UTF-8": (lambda text: text.encode() + b"\xff\xfe: 1\n", 1, ""),
    "nothing": (lambda _: "", 1, ""),
    "a bomb of aliases": (lambda text: bomb(9) + text, 1, "alias"),
    "a bomb of levels": (lambda text: f"deep: {'[' * 5000}{']' * 5000}\n{text}", 1, "line"),
    "a bomb of keys above values": (lambda text: long_keys(200) + text, 25, "too long"),
}
"""What is done to a good file, the exit code of decrypting it, and what the message has."""

LONGEST: Final = "a bomb of aliases"

READERS: Final[dict[str, tuple[str, ...]]] = {
    "decrypt": ("decrypt", "-i"),
    "rotate": ("rotate", "-i"),
    "set": ("set", "--value-file"),
    "edit": ("edit",),
}
AFTER: Final = {"set": ('["new"]', "value.json")}


@pytest.mark.parametrize(
    ("name", "program"),
    [
        pytest.param(name, program, marks=[pytest.mark.slow] if (name, program) == (LONGEST, "sops") else [])
        for name in DAMAGES
        for program in ("kseal", "sops")
    ],
)
def test_a_damaged_file_stays_as_it_is(
    name: str, program: str, encrypted: str, tmp_path: Path, run: Callable[..., Said]
) -> None:
    change, code, part = DAMAGES[name]
    content = change(encrypted)
    assert content != encrypted
    (tmp_path / "db.yaml").write_bytes(content if isinstance(content, bytes) else content.encode())
    (tmp_path / "value.json").write_text(f'"{CANARY}"')
    before = state(tmp_path)
    for verb, words in READERS.items():
        began = time.monotonic()
        said = run(program, *words, "db.yaml", *AFTER.get(verb, ()))
        assert time.monotonic() - began < LIMIT_SECONDS
        assert state(tmp_path) == before, verb
        assert_clear(said, program, f"{name}, {verb}")
        assert said.code == code, f"{verb}: {said.err}"
        assert part in said.err, verb


@pytest.mark.parametrize("form", ["json", "env", "ini", "txt"])
def test_a_file_cut_off_anywhere_stays_as_it_is(form: str, tmp_path: Path, run: Callable[..., Said]) -> None:
    path = tmp_path / f"db.{form}"
    path.write_text(TEXTS[form])
    assert run("kseal", "encrypt", "-i", "--age", RECIPIENT, path.name).code == 0
    whole = path.read_bytes()
    for part in range(9):
        program = ("kseal", "sops")[part % 2]
        path.write_bytes(whole[: len(whole.rstrip()) * part // 9])
        before = state(tmp_path)
        said = run(program, "decrypt", "-i", path.name)
        assert state(tmp_path) == before
        assert said.code in {1, 25, 51, 128}
        assert_clear(said, program, f"{part} of 9")


TEXTS: Final = {
    "json": f'{{"user": "{CANARY}", "list": ["{CANARY}", "{CANARY}"]}}\n',
    "env": f"USER={CANARY}\nPASSWORD={CANARY}\n",
    "ini": f"[db]\nuser = {CANARY}\npassword = {CANARY}\n",
    "txt": f"{CANARY}\n",
}


@pytest.mark.parametrize("program", ["kseal", "sops"])
@pytest.mark.parametrize(
    "form", ["env", *(pytest.param(form, marks=pytest.mark.slow) for form in TEXTS if form != "env")]
)
def test_a_file_that_is_too_large_is_refused(form: str, program: str, tmp_path: Path, run: Callable[..., Said]) -> None:
    path = tmp_path / f"db.{form}"
    with path.open("wb") as file:
        file.truncate(LIMITS.bytes + 1)
    before = path.stat().st_mtime_ns
    for verb, code in (("encrypt", 2), ("decrypt", 1)):
        said = run(program, verb, "-i", *(("--age", RECIPIENT) if verb == "encrypt" else ()), path.name)
        assert (said.code, path.stat().st_mtime_ns, path.stat().st_size) == (code, before, LIMITS.bytes + 1), said.err
        assert_clear(said, program, verb)
        assert "bytes are more than" in said.err


IDENTITIES: Final[dict[str, tuple[dict[str, str], str]]] = {
    "none": ({}, "no age identity found"),
    "another's": ({"SOPS_AGE_KEY": "OTHER"}, "no identity fits, of those in SOPS_AGE_KEY"),
    "no identity": ({"SOPS_AGE_KEY": f"AGE-SECRET-KEY-1{CANARY}"}, "SOPS_AGE_KEY"),
    "a file that is not there": ({"SOPS_AGE_KEY_FILE": "nowhere.txt"}, "SOPS_AGE_KEY_FILE: no such file"),
    "a command that fails": ({"SOPS_AGE_KEY_CMD": f"sh -c 'echo {CANARY}; exit 3'"}, "SOPS_AGE_KEY_CMD"),
    "a command that is not there": ({"SOPS_AGE_KEY_CMD": "no-such-program"}, "SOPS_AGE_KEY_CMD"),
}


@pytest.mark.parametrize("program", ["kseal", "sops"])
@pytest.mark.parametrize("name", IDENTITIES)
def test_wrong_identities_name_the_keys_that_were_tried(
    name: str, program: str, encrypted: str, tmp_path: Path, run: Callable[..., Said]
) -> None:
    (tmp_path / "db.yaml").write_text(encrypted)
    before = state(tmp_path)
    environ, part = IDENTITIES[name]
    other = str(pyrage.x25519.Identity.generate())
    environ = {key: other if text == "OTHER" else text for key, text in environ.items()}
    said = run(program, "decrypt", "-i", "db.yaml", environ=environ)
    assert (said.code, state(tmp_path)) == (128, before)
    assert_clear(said, program, name)
    assert f"age {RECIPIENT}: " in said.err
    assert part in said.err
    assert other not in said.err


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The port of a Vault that lets everybody in and never says a word; nobody waits long for it."""
    monkeypatch.setattr("providers.vault.client._TIMEOUT_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("program", ["kseal", "sops"])
def test_a_key_service_that_never_answers_ends_in_time(
    program: str, encrypted: str, silent: int, tmp_path: Path, run: Callable[..., Said]
) -> None:
    address = f"http://127.0.0.1:{silent}"
    vault = f"sops:\n    hc_vault:\n        - vault_address: {address}\n          engine_path: transit\n"
    vault += '          key_name: team\n          created_at: "2026-01-02T03:04:05Z"\n          enc: vault:v1:YQ==\n'
    (tmp_path / "db.yaml").write_text(encrypted.replace("sops:\n", vault))
    (tmp_path / "plain.yaml").write_text(PLAIN)
    before = state(tmp_path)
    environ = {"VAULT_TOKEN": CANARY, "VAULT_ADDR": address}
    began = time.monotonic()
    opened = run(program, "decrypt", "-i", "db.yaml", environ=environ)
    sealed = run(
        program, "encrypt", "-i", "--hc-vault-transit", f"{address}/v1/transit/keys/team", "plain.yaml", environ=environ
    )
    assert time.monotonic() - began < LIMIT_SECONDS
    assert state(tmp_path) == before
    assert (opened.code, sealed.code) == (128, 1)
    for said in (opened, sealed):
        assert_clear(said, program, "a silent Vault")
        assert f"hc_vault {address}/v1/transit/keys/team: " in said.err
    assert f"age {RECIPIENT}: no age identity found" in opened.err


CONFIGS: Final[dict[str, tuple[str, str]]] = {
    "no YAML": ("creation_rules: [", "line"),
    "rules that are none": ("creation_rules: 7", "creation_rules"),
    "a rule that is none": ("creation_rules: [7]", "creation_rules[0]"),
    "a pattern that is none": ("creation_rules: [{path_regex: (, age: AGE}]", "creation_rules[0].path_regex"),
    "a pattern of another language": ("creation_rules: [{encrypted_regex: (?=a), age: AGE}]", "encrypted_regex"),
    "a recipient that is none": ("creation_rules: [{age: age1nobody}]", '"age1nobody" is no age recipient'),
    "a private key as recipient": (f"creation_rules: [{{age: {IDENTITY}}}]", "a private key stands where"),
    "two rules in one": ("creation_rules: [{encrypted_regex: a, encrypted_suffix: b, age: AGE}]", "encrypted_suffix"),
    "no key": ("creation_rules: [{path_regex: yaml}]", "key"),
    "no rule for the file": ("creation_rules: [{path_regex: json, age: AGE}]", "no matching creation rules"),
    "groups that are none": ("creation_rules: [{key_groups: 7}]", "key_groups"),
    "a threshold beyond the groups": (
        "creation_rules: [{shamir_threshold: 3, key_groups: [{age: [AGE]}, {age: [AGE]}]}]",
        "3 of 2 shares",
    ),
    "a bomb of aliases": (bomb(9), "alias"),
}


@pytest.mark.parametrize("program", ["kseal", "sops"])
@pytest.mark.parametrize("name", CONFIGS)
def test_a_broken_configuration_leaves_the_file_plain_and_says_where_it_is_broken(
    name: str, program: str, tmp_path: Path, run: Callable[..., Said]
) -> None:
    text, part = CONFIGS[name]
    (tmp_path / ".sops.yaml").write_text(text.replace("AGE", RECIPIENT) if IDENTITY not in text else text)
    (tmp_path / "db.yaml").write_text(PLAIN)
    before = state(tmp_path)
    said = run(program, "encrypt", "-i", "db.yaml")
    assert state(tmp_path) == before
    assert said.code in {1, 5, 8}, said.err
    assert_clear(said, program, name)
    assert part in said.err
    assert IDENTITY not in said.err
