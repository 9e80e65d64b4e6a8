"""The original sops and ours side by side: every verb and flag, what they write, where, and what they end with.

Files are opened and compared: their layout with ciphertext apart, and their plain text, each read by the other program.
What we do otherwise on purpose is in the last tests, each of which docs/sops.md names.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

pytestmark = pytest.mark.interop

PLAIN = {
    "p.yaml": "# top\na: 1\nb:\n    - x\n    # in a list\n    - c: d\ns_unencrypted: plain\nn: null\nf: 1.50\nt: true\n"
    'e: ""\nd: 2024-01-02T03:04:05Z\n',
    "two.yaml": "a: 1\n---\nb: two\n",
    "p.json": '{"a": 1, "b": [true, null, 1.5, "x<y"], "c": {"d": "e"}}\n',
    "p.env": "# note\nA=1\nB=x y\nC=two\\nlines\n",
    "comment.env": "# nothing but this\n",
    "p.ini": "top = 1\n\n[one]\n; note\nkey = value\n",
    "p.txt": "just text\nof two lines\n",
    "flat.yaml": "A: x\nB: 2\nC: true\nD: 1.0\n# note\n",
    "keys.yaml": "data:\n    password: hunter2\nmetadata:\n    name: db\n",
    "comments.yaml": "# secret part\na: 1\nb: 2\n# other\nc: 3\n",
    "number-key.yaml": "1: a\n",
    "list.yaml": "- a\n",
    "broken.yaml": "a: [\n",
    "empty.yaml": "",
    "sops.yaml": "sops: 1\n",
    "value.json": '{"x": [1, "y"]}',
    "editor": "#!/bin/sh\nsed -i 's/hunter2/hunter3/' \"$1\"\n",
    "breaking-editor": "#!/bin/sh\n[ -e broken ] && echo 'a: 1' > \"$1\" || echo '[' > \"$1\"\ntouch broken\n",
}
RULES = {
    "one.rules": "creation_rules: [{age: AGE_ONE}]",
    "both.rules": "creation_rules: [{age: [AGE_ONE, AGE_TWO]}]",
    "two-groups.rules": "creation_rules: [{shamir_threshold: 2, key_groups: [{age: [AGE_ONE]}, {age: [AGE_TWO]}]}]",
    "three-groups.rules": "creation_rules: [{shamir_threshold: 2, key_groups: "
    "[{age: [AGE_ONE]}, {age: [AGE_TWO]}, {merge: [{age: [AGE_ONE]}], age: [AGE_ONE, AGE_TWO]}]}]",
    "data.rules": "creation_rules: [{age: AGE_ONE, encrypted_regex: '^(data|stringData)$', mac_only_encrypted: true}]",
    "none.rules": "creation_rules: [{path_regex: nothing}]",
    "without.rules": "stores: {yaml: {indent: 2}, json: {indent: 2}, json_binary: {indent: 0}}",
    "empty-group.rules": "creation_rules: [{}]",
    "clash.rules": "creation_rules: [{age: AGE_ONE, encrypted_regex: a, encrypted_suffix: b}]",
    "broken.rules": "creation_rules: [",
    "nulls.rules": "creation_rules: [null]",
    "null-first.rules": "creation_rules: [null, {key_groups: [null, {age: [null, AGE_ONE]}]}]",
    "old-words.rules": "creation_rules: [{age: AGE_ONE, mac_only_encrypted: 'yes'}]",
}
ENCRYPTED = {
    "e.yaml": "-a AGE_ONE p.yaml",
    "e-two.yaml": "-a AGE_ONE two.yaml",
    "e.json": "-a AGE_ONE p.json",
    "e.env": "-a AGE_ONE p.env",
    "e.ini": "-a AGE_ONE p.ini",
    "e-comment.env": "-a AGE_ONE comment.env",
    "e.txt": "-a AGE_ONE p.txt",
    "e-flat.yaml": "-a AGE_ONE flat.yaml",
    "e-keys.yaml": "-a AGE_ONE keys.yaml",
    "e-both.yaml": "-a AGE_ONE,AGE_TWO keys.yaml",
    "e-groups.yaml": "--config two-groups.rules keys.yaml",
    "e-three.yaml": "--config three-groups.rules keys.yaml",
}
_ENC = re.compile(r"ENC\[AES256_GCM,data:([^,]*),iv:[^,]*,tag:[^,]*,type:(\w+)\]")
_ARMOUR = re.compile(r"-----BEGIN AGE ENCRYPTED FILE-----.*?-----END AGE ENCRYPTED FILE-----", re.DOTALL)
_TIME = re.compile(r"20[2-9]\d-\d\d-\d\dT\d\d:\d\d:\d\dZ")


class Did(NamedTuple):
    code: int
    output: str
    error: str
    written: dict[str, bytes]
    """The files that were not there before, or changed."""


class Ground(NamedTuple):
    folder: Path
    original: Path
    recipients: tuple[str, str]
    identities: str
    encrypted: dict[str, bytes]

    def named(self, text: str) -> str:
        """A text with the recipients in their places."""
        return text.replace("AGE_ONE", self.recipients[0]).replace("AGE_TWO", self.recipients[1])

    def run(self, is_ours: bool, words: list[str], stdin: bytes = b"", environ: Mapping[str, str] | None = None) -> Did:
        self.lay_out()
        before = self.files()
        done = self.start(is_ours, words, stdin, environ or {})
        after = self.files()
        changed = {name: data for name, data in after.items() if before.get(name) != data}
        error = done.stderr.decode("utf-8", "surrogateescape")
        return Did(done.returncode, done.stdout.decode("utf-8", "surrogateescape"), error, changed)

    def start(
        self, is_ours: bool, words: list[str], stdin: bytes, environ: Mapping[str, str]
    ) -> "subprocess.CompletedProcess[bytes]":
        ours = "import sys; from sealer.cli.main import main; sys.argv[0] = 'sops'; main()"
        return subprocess.run(
            [*([sys.executable, "-c", ours] if is_ours else [self.original]), *map(self.named, words)],
            cwd=self.folder,
            input=stdin,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.folder),
                "SOPS_AGE_KEY": self.identities,
                "SOPS_DISABLE_VERSION_CHECK": "1",
                "EDITOR": "./editor",
                **environ,
            },
            capture_output=True,
            timeout=60,
            check=False,
        )

    def lay_out(self) -> None:
        for path in self.folder.iterdir():
            if path.is_file():
                path.unlink()
        for name, text in {**PLAIN, **RULES}.items():
            (self.folder / name).write_text(self.named(text))
            (self.folder / name).chmod(0o755 if name.endswith("editor") else 0o644)
        for name, data in self.encrypted.items():
            (self.folder / name).write_bytes(data)

    def files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.folder.iterdir() if path.is_file()}

    def opened(self, is_ours: bool, data: bytes) -> str:
        """The plain text of what one program wrote, read by the other one; the data where it is not encrypted."""
        if b"AES256_GCM" not in data:
            return data.decode("utf-8", "surrogateescape")
        marks = {b"{": ".json", b"sops_mac=": ".env", b"[sops]": ".ini"}
        suffix = next(
            (suffix for mark, suffix in marks.items() if any(line.startswith(mark) for line in data.splitlines())),
            ".yaml",
        )
        (self.folder / f"opened{suffix}").write_bytes(data)
        done = self.start(not is_ours, ["decrypt", f"opened{suffix}"], b"", {})
        assert done.returncode == 0, done.stderr
        return done.stdout.decode("utf-8", "surrogateescape")


@pytest.fixture(scope="module")
def ground(program: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Ground:
    said = [subprocess.run([program("age-keygen")], capture_output=True, check=True).stdout.decode() for _ in range(2)]
    one, two = (text.partition("public key: ")[2].partition("\n")[0] for text in said)
    made = Ground(tmp_path_factory.mktemp("ground"), program("sops"), (one, two), identities(said), {})
    made.lay_out()
    for name, words in ENCRYPTED.items():
        parts = words.split()
        at = 2 if parts[0] == "--config" else 0
        done = made.start(False, [*parts[:at], "encrypt", *parts[at:]], b"", {})
        assert done.returncode == 0, done.stderr
        made.encrypted[name] = done.stdout
    text = made.encrypted["e.yaml"].decode()
    made.encrypted["moved.yaml"] = made.encrypted["e-keys.yaml"].replace(b"password", b"pa55word")
    made.encrypted["changed.yaml"] = text.replace("s_unencrypted: plain", "s_unencrypted: other").encode()
    made.encrypted["plain-comment.yaml"] = re.sub(r"(?m)^#ENC.*$", "# top", text).encode()
    made.encrypted["no-mac.yaml"] = re.sub(r"(?m)^    mac: .*$", '    mac: ""', text).encode()
    made.encrypted["new-version.yaml"] = text.replace("version: 3.13.3", "version: 99.1.0").encode()
    made.encrypted["no-version.yaml"] = text.replace("version: 3.13.3", "version: later").encode()
    return made


def identities(said: list[str]) -> str:
    return "\n".join(line for text in said for line in text.splitlines() if line.startswith("AGE-"))


def layout(text: str) -> str:
    """A text with ciphertext, wrapped keys and times apart; values of one length and type look alike."""
    text = _ENC.sub(lambda found: f"ENC[{len(found[1])},{found[2]}]", text)
    return _TIME.sub("TIME", _ARMOUR.sub("ARMOUR", text))


def check(ground: Ground, words: list[str], stdin: bytes = b"", environ: Mapping[str, str] | None = None) -> Did:
    """Run a line by both, and compare all that scripts can see; what ours did is returned."""
    theirs, ours = (ground.run(is_ours, words, stdin, environ) for is_ours in (False, True))
    assert ours.code == theirs.code, (ours.error, theirs.error)
    assert layout(ours.output) == layout(theirs.output)
    assert bool(ours.error) == bool(theirs.error), (ours.error, theirs.error)
    assert ours.written.keys() == theirs.written.keys()
    for name, data in ours.written.items():
        assert layout(data.decode()) == layout(theirs.written[name].decode())
        assert ground.opened(True, data) == ground.opened(False, theirs.written[name])
    assert ground.opened(True, ours.output.encode("utf-8", "surrogateescape")) == ground.opened(
        False, theirs.output.encode("utf-8", "surrogateescape")
    )
    return ours


DECRYPTS = [
    "decrypt e.yaml",
    "-d e.yaml",
    "--decrypt e.yaml",
    "decrypt e-two.yaml",
    "decrypt e.json",
    "decrypt e.env",
    "decrypt e.ini",
    "decrypt e.txt",
    "decrypt e-groups.yaml",
    "decrypt e-three.yaml",
    "decrypt new-version.yaml",
    "decrypt no-version.yaml",
    "decrypt --output-type json e.yaml",
    "decrypt e.yaml --output-type json",
    "decrypt --output-type=yaml e.json",
    "decrypt --output-type dotenv e-flat.yaml",
    "decrypt --output-type dotenv e.yaml",
    "decrypt --output-type nonsense e.yaml",
    "decrypt --input-type json --output-type json e.yaml",
    "decrypt --output out e.yaml",
    "decrypt --output no/where e.yaml",
    "decrypt -i e.yaml",
    "decrypt --in-place=true e.yaml",
    "decrypt -i=false e.yaml",
    "-d -i e.yaml",
    "-d --output out e.yaml",
    "decrypt -i --output out e.yaml",
    "-d -i --output out e.yaml",
    "decrypt --filename-override x.json e.yaml",
    "decrypt --filename-override x.yaml --input-type yaml e.yaml",
    "decrypt --ignore-mac changed.yaml",
    "decrypt changed.yaml",
    "-d changed.yaml",
    "-d --ignore-mac changed.yaml",
    "decrypt no-mac.yaml",
    "decrypt --ignore-mac no-mac.yaml",
    "decrypt moved.yaml",
    "decrypt p.yaml",
    "decrypt p.txt",
    "decrypt p.json",
    "decrypt p.env",
    "decrypt p.ini",
    "decrypt broken.yaml",
    "decrypt nowhere.yaml",
    "-d nowhere.yaml",
    "decrypt e.yaml e.json",
    "decrypt -i e.yaml --ignore-mac",
    "decrypt e.yaml -nonsense",
    "decrypt --decryption-order pgp,age e.yaml",
    "decrypt --decryption-order age,age e.yaml",
    "decrypt --enable-local-keyservice=false e.yaml",
    "--config without.rules decrypt --output-type yaml e.json",
    "--config without.rules decrypt e.json",
    "--config without.rules decrypt e.yaml",
    "--config without.rules --indent 3 decrypt e.yaml",
    "--config broken.rules decrypt e.yaml",
    "--config nowhere.rules decrypt e.yaml",
    "--indent 1 -d e.json",
    "--indent 0 -d e.yaml",
    "--indent -2 -d e.json",
    "--verbose=false decrypt e.yaml",
]


@pytest.mark.parametrize("words", DECRYPTS)
def test_decrypting(ground: Ground, words: str) -> None:
    check(ground, words.split())


@pytest.mark.parametrize(
    "place",
    [
        *('["a"]', "['b']", '["b"][0]', '["b"][2]["c"]', '["n"]', '["f"]', '["t"]', '["e"]', '["d"]', "", '["z"]'),
        *('["a"][0]', '["b"][9]', "a", '["b"]x', "[b]"),
    ],
)
@pytest.mark.parametrize("form", ["yaml", "json"])
def test_extracting(ground: Ground, place: str, form: str) -> None:
    check(ground, ["decrypt", "--extract", place, "--output-type", form, "e.yaml"])


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("decrypt", "e.txt"),
        ("decrypt", "e.yaml"),
        ("decrypt --input-type yaml --output-type yaml", "e.yaml"),
        ("decrypt --filename-override x.yaml", "e.yaml"),
        ("decrypt --filename-override x.env --output out", "e.env"),
        ("decrypt -i", "e.yaml"),
        ("encrypt", "p.yaml"),
        ("encrypt -i --filename-override x.yaml", "p.yaml"),
        ("encrypt -a AGE_ONE --filename-override x.yaml --output out.yaml", "p.yaml"),
        ("encrypt -a AGE_ONE --filename-override x.env --output out.env", "p.env"),
    ],
)
def test_standard_input(ground: Ground, words: str, name: str) -> None:
    data = {**{key: text.encode() for key, text in PLAIN.items()}, **ground.encrypted}[name]
    check(ground, words.split(), data)


ENCRYPTS = [
    *(f"encrypt --age AGE_ONE p.{suffix}" for suffix in ("yaml", "json", "env", "ini", "txt")),
    "-e -a AGE_ONE p.yaml",
    "--encrypt --age AGE_ONE,AGE_TWO p.yaml",
    "encrypt -a AGE_ONE two.yaml",
    "encrypt -a AGE_ONE flat.yaml",
    "encrypt -i -a AGE_ONE p.yaml",
    "encrypt p.yaml -a AGE_ONE",
    "-e -i -a AGE_ONE p.yaml",
    "encrypt --output out.yaml -a AGE_ONE p.yaml",
    "-e --output out.yaml -a AGE_ONE p.yaml",
    "encrypt --output out.yaml -i -a AGE_ONE p.yaml",
    "encrypt --output-type json -a AGE_ONE p.yaml",
    "encrypt --input-type yaml --output-type yaml -a AGE_ONE p.json",
    "encrypt --filename-override x.yaml -a AGE_ONE p.json",
    "--indent 2 encrypt -a AGE_ONE p.yaml",
    "--indent 2 encrypt -a AGE_ONE p.json",
    "encrypt -a nonsense p.yaml",
    "encrypt -a age1nonsense p.yaml",
    "encrypt p.yaml",
    "-e p.yaml",
    "encrypt nowhere.yaml",
    "encrypt -a AGE_ONE e.yaml",
    "encrypt -a AGE_ONE e.env",
    "encrypt -a AGE_ONE sops.yaml",
    "encrypt -a AGE_ONE broken.yaml",
    "encrypt -a AGE_ONE list.yaml",
    "encrypt -a AGE_ONE --unencrypted-suffix a p.yaml",
    "encrypt -a AGE_ONE --encrypted-suffix word keys.yaml",
    "encrypt -a AGE_ONE --unencrypted-regex ^meta keys.yaml",
    "encrypt -a AGE_ONE --encrypted-regex ^(data|stringData)$ keys.yaml",
    "-e -a AGE_ONE --encrypted-regex ^(data|stringData)$ keys.yaml",
    "-e -a AGE_ONE --encrypted-comment-regex secret comments.yaml",
    "-e -a AGE_ONE --unencrypted-comment-regex other comments.yaml",
    "-e -a AGE_ONE --encrypted-regex a --encrypted-suffix b keys.yaml",
    "encrypt -a AGE_ONE --encrypted-regex a --unencrypted-suffix b keys.yaml",
    "encrypt -a AGE_ONE --encrypted-regex a p.txt",
    "--mac-only-encrypted encrypt -a AGE_ONE p.yaml",
    "-e --mac-only-encrypted -a AGE_ONE p.yaml",
    "encrypt -a AGE_ONE --shamir-secret-sharing-threshold 1 p.yaml",
    "encrypt --encryption-context nonsense -a AGE_ONE p.yaml",
    "--config one.rules encrypt p.yaml",
    "--config both.rules -e p.yaml",
    "--config two-groups.rules encrypt p.yaml",
    "--config two-groups.rules encrypt --shamir-secret-sharing-threshold 2 p.json",
    "--config two-groups.rules encrypt --shamir-secret-sharing-threshold 3 p.yaml",
    "--config three-groups.rules encrypt p.env",
    "--config two-groups.rules encrypt -a AGE_ONE p.yaml",
    "--config data.rules encrypt keys.yaml",
    "--config data.rules encrypt --encrypted-regex ^metadata$ keys.yaml",
    "--config data.rules encrypt --unencrypted-suffix a keys.yaml",
    "--config data.rules encrypt p.txt",
    "--config none.rules encrypt p.yaml",
    "--config none.rules encrypt -a AGE_ONE p.yaml",
    "--config without.rules encrypt p.yaml",
    "--config without.rules encrypt -a AGE_ONE p.yaml",
    "--config without.rules encrypt -a AGE_ONE p.json",
    "--config without.rules encrypt -a AGE_ONE p.txt",
    "--config empty-group.rules encrypt p.yaml",
    "--config clash.rules encrypt p.yaml",
    "--config broken.rules encrypt -a AGE_ONE p.yaml",
    "--config nulls.rules encrypt p.yaml",
    "--config null-first.rules encrypt p.yaml",
    "--config old-words.rules encrypt p.yaml",
]


@pytest.mark.parametrize("words", ENCRYPTS)
def test_encrypting(ground: Ground, words: str) -> None:
    check(ground, words.split())


def test_an_empty_key_group_is_said_in_the_original_words(ground: Ground) -> None:
    words = ["--config", "empty-group.rules", "encrypt", "p.yaml"]
    theirs, ours = (ground.run(is_ours, words) for is_ours in (False, True))
    assert ours.error == theirs.error == "Could not generate data key: [empty key group provided]\n"


@pytest.mark.parametrize(
    ("words", "environ"),
    [
        ("encrypt p.yaml", {"SOPS_AGE_RECIPIENTS": "AGE_ONE"}),
        ("-e p.yaml", {"SOPS_AGE_RECIPIENTS": "AGE_ONE,AGE_TWO"}),
        ("encrypt p.yaml", {"SOPS_CONFIG": "two-groups.rules"}),
        ("decrypt e.yaml", {"SOPS_CONFIG": "broken.rules"}),
        ("decrypt e.yaml", {"SOPS_DECRYPTION_ORDER": "age,age"}),
        ("decrypt e.yaml", {"SOPS_ENABLE_LOCAL_KEYSERVICE": "false"}),
        ("decrypt e.yaml", {"SOPS_AGE_KEY": ""}),
        ("decrypt e-groups.yaml", {"SOPS_AGE_KEY": ""}),
        ("-d e.yaml", {"SOPS_AGE_KEY": "nonsense"}),
        ("rotate e.yaml", {"SOPS_AGE_KEY": ""}),
        ("set e.yaml ['a'] 1", {"SOPS_AGE_KEY": ""}),
        ("edit e.yaml", {"SOPS_AGE_KEY": ""}),
    ],
)
def test_the_environment(ground: Ground, words: str, environ: dict[str, str]) -> None:
    check(ground, words.split(), environ={name: ground.named(text) for name, text in environ.items()})


SETS: list[tuple[str, ...]] = [
    ("e.yaml", '["a"]', "2"),
    ("e.yaml", '["a"]', "1"),
    ("e.yaml", '["a"]', '"text"'),
    ("e.yaml", '["a"]', "null"),
    ("e.yaml", '["a"]', "true"),
    ("e.yaml", '["b"][0]', '"y"'),
    ("e.yaml", '["b"][9]', '"y"'),
    ("e.yaml", '["new"]["deep"][3]["er"]', "1.5"),
    ("e.yaml", '["a"]["b"]', '"y"'),
    ("e.yaml", '["a"]', '{"x": [1, 2.5, "y"], "z": {}}'),
    ("e.yaml", '["x_unencrypted"]', '"plain"'),
    ("e.yaml", "[0]", "1"),
    ("e.json", '["c"]["d"]', '"z"'),
    ("e.env", '["A"]', '"z"'),
    ("e.env", '["N"]', "12"),
    ("e.env", '["N"]', '{"a": 1}'),
    ("e.ini", '["one"]["key"]', '"z"'),
    ("e.txt", '["data"]', '"other"'),
    ("e-two.yaml", '["a"]', "3"),
    ("e.yaml", '["a"]', "[1]"),
    ("e.yaml", '["a"]', "nonsense"),
    ("e.yaml", '["a"]', "1 2"),
    ("e.yaml", "a", "1"),
    ("e.yaml", '["sops"]', "1"),
    ("e.yaml", '["a"]'),
    ("e.yaml",),
    ("nowhere.yaml", '["a"]', "1"),
    ("p.yaml", '["a"]', "1"),
    ("changed.yaml", '["a"]', "2"),
    ("--ignore-mac", "changed.yaml", '["a"]', "2"),
    ("--idempotent", "e.yaml", '["s_unencrypted"]', '"plain"'),
    ("--idempotent", "e.yaml", '["s_unencrypted"]', '"other"'),
    ("--value-file", "e.yaml", '["a"]', "value.json"),
    ("--value-file", "e.yaml", '["a"]', "nowhere.json"),
    ("--value-file", "--value-stdin", "e.yaml", '["a"]'),
    ("--value-stdin", "e.yaml", '["a"]', "1"),
    ("--output-type", "json", "e.yaml", '["a"]', "1"),
]


@pytest.mark.parametrize("words", SETS)
def test_setting(ground: Ground, words: tuple[str, ...]) -> None:
    check(ground, ["set", *words])


def test_setting_from_standard_input(ground: Ground) -> None:
    check(ground, ["set", "--value-stdin", "e.yaml", '["a"]'], b'{"x": "y"}\n')


@pytest.mark.parametrize(
    "words",
    [
        ('["a"] "text"', "e.yaml"),
        ('["a"]["b"]   {"x": 1}', "e.yaml"),
        ('["a"]', "e.yaml"),
        ('["a"] nonsense', "e.yaml"),
        ('a] "text"', "e.yaml"),
        ('["a"] "text"', "nowhere.yaml"),
    ],
)
def test_setting_in_the_old_style(ground: Ground, words: tuple[str, str]) -> None:
    check(ground, ["--config", "one.rules", "--set", *words])


@pytest.mark.parametrize(
    "words",
    [
        ("e.yaml", '["a"]'),
        ("e.yaml", '["b"]'),
        ("e.yaml", '["b"][0]'),
        ("e.yaml", '["b"][2]["c"]'),
        ("e.yaml", '["z"]'),
        ("e.yaml", '["b"][9]'),
        ("e.yaml", '["a"]["b"]'),
        ("--idempotent", "e.yaml", '["z"]'),
        ("--idempotent", "e.yaml", '["a"]["b"]'),
        ("e.json", '["c"]["d"]'),
        ("e.env", '["A"]'),
        ("e.yaml", "a"),
        ("e.yaml",),
        ("nowhere.yaml", '["a"]'),
    ],
)
def test_unsetting(ground: Ground, words: tuple[str, ...]) -> None:
    check(ground, ["unset", *words])


ROTATES = [
    "rotate e.yaml",
    "rotate -i e.yaml",
    "-r e.yaml",
    "-r -i e.json",
    "rotate --output out.yaml e.yaml",
    "rotate -i --output out.yaml e.yaml",
    "rotate -i --add-age AGE_TWO e.yaml",
    "rotate -i --rm-age AGE_TWO e-both.yaml",
    "rotate -i --rm-age AGE_ONE --add-age AGE_TWO e.yaml",
    "rotate -i --rm-age AGE_ONE e.yaml",
    "rotate -i --add-age nonsense e.yaml",
    "rotate -i --add-pgp nonsense e.yaml",
    "rotate -i e-groups.yaml",
    "rotate -i --add-age AGE_TWO e-three.yaml",
    "rotate -i e.env",
    "rotate -i e.ini",
    "rotate -i e.txt",
    "rotate -i changed.yaml",
    "-r --ignore-mac changed.yaml",
    "rotate nowhere.yaml",
    "rotate --add-age AGE_ONE nowhere.yaml",
    "-r nowhere.yaml",
    "--add-age AGE_ONE nowhere.yaml",
    "rotate",
    "--config none.rules -r e.yaml",
    "--config none.rules rotate e.yaml",
]


@pytest.mark.parametrize("words", ROTATES)
def test_rotating(ground: Ground, words: str) -> None:
    check(ground, words.split())


UPDATES = [
    "--config one.rules updatekeys -y e.yaml",
    "--config both.rules updatekeys --yes e.yaml",
    "--config both.rules updatekeys e.yaml -y",
    "--config one.rules updatekeys -y e-both.yaml",
    "--config two-groups.rules updatekeys -y e.yaml",
    "--config three-groups.rules updatekeys -y e-groups.yaml",
    "--config one.rules updatekeys -y e-groups.yaml",
    "--config both.rules updatekeys -y e.yaml e.json e.env e.ini e.txt",
    "--config both.rules updatekeys -y nowhere.yaml",
    "--config both.rules updatekeys -y e.yaml nowhere.yaml",
    "--config both.rules updatekeys -y .",
    "--config both.rules updatekeys -y p.yaml",
    "--config both.rules updatekeys -y --input-type yaml e.json",
    "--config both.rules updatekeys",
    "--config without.rules updatekeys -y e.yaml",
    "--config none.rules updatekeys -y e.yaml",
    "--config empty-group.rules updatekeys -y e.yaml",
    "updatekeys -y e.yaml",
]


@pytest.mark.parametrize("words", UPDATES)
def test_updating_keys(ground: Ground, words: str) -> None:
    check(ground, words.split())


@pytest.mark.parametrize(
    "words",
    [
        ["decrypt", "plain-comment.yaml"],
        ["rotate", "plain-comment.yaml"],
        ["set", "plain-comment.yaml", '["a"]', "2"],
        ["unset", "plain-comment.yaml", '["a"]'],
    ],
)
def test_comments_that_came_in_plain_are_warned_of(ground: Ground, words: list[str]) -> None:
    assert "level=warning" in check(ground, words).error


@pytest.mark.parametrize("answer", [b"y\n", b"n\n", b"maybe\ny\n", b""])
def test_updating_keys_asks(ground: Ground, answer: bytes) -> None:
    check(ground, ["--config", "both.rules", "updatekeys", "e.yaml"], answer)


def test_updated_keys_leave_all_else_byte_for_byte(ground: Ground) -> None:
    done = check(ground, ["--config", "both.rules", "updatekeys", "-y", "e.yaml"])
    before, after = ground.encrypted["e.yaml"].decode(), done.written["e.yaml"].decode()
    apart = [re.sub(r"(?s)    age:\n.*?    lastmodified", "    lastmodified", text) for text in (before, after)]
    assert apart[0] == apart[1]


@pytest.mark.parametrize(
    "words",
    [
        "add -f e.yaml --age AGE_TWO",
        "add -i -f e.yaml --age AGE_TWO",
        "add -i --file e.yaml --age AGE_ONE --age AGE_TWO --shamir-secret-sharing-threshold 2",
        "add -i -f e-groups.yaml --age AGE_TWO",
        "add -i -f e.yaml --age AGE_TWO more",
        "add -i -f nowhere.yaml --age AGE_TWO",
        "delete -i -f e-three.yaml 0",
        "delete -f e-three.yaml 2",
        "delete -i -f e-groups.yaml 1",
        "delete -i -f e-groups.yaml --shamir-secret-sharing-threshold 1 1",
        "delete -i -f e.yaml",
        "delete -i -f e.yaml x",
        "add",
        "delete 0",
        "delete",
        "nonsense",
    ],
)
def test_groups(ground: Ground, words: str) -> None:
    check(ground, ["groups", *words.split()])


@pytest.mark.parametrize("name", ["e.yaml", "e.json", "e.env", "e.ini", "e.txt", "no-mac.yaml", "p.yaml", "p.json"])
def test_the_status_of_a_file(ground: Ground, name: str) -> None:
    check(ground, ["filestatus", name])


@pytest.mark.parametrize(
    "words", ["p.env", "p.ini", "p.txt", "broken.yaml", "nowhere.yaml", "", "--input-type json e.txt"]
)
def test_the_status_of_other_files(ground: Ground, words: str) -> None:
    check(ground, ["filestatus", *words.split()])


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
def test_values_in_the_environment_of_a_command(ground: Ground, words: tuple[str, ...]) -> None:
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
def test_a_file_for_a_command(ground: Ground, words: tuple[str, ...]) -> None:
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
def test_another_user_runs_the_command(ground: Ground, words: tuple[str, ...]) -> None:
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
def test_editing(ground: Ground, words: list[str], environ: dict[str, str]) -> None:
    check(ground, words, b"\n", environ)


def test_an_edit_that_breaks_the_file_is_corrected(ground: Ground) -> None:
    """The original takes one byte of what is typed at it, ours a line."""
    check(ground, ["edit", "e-keys.yaml"], b"\n", {"EDITOR": "./breaking-editor"})


def test_an_edit_changes_one_value_the_time_and_the_seal(ground: Ground) -> None:
    done = check(ground, ["edit", "e-keys.yaml"])
    before, after = (
        text.splitlines() for text in (ground.encrypted["e-keys.yaml"].decode(), done.written["e-keys.yaml"].decode())
    )
    changed = [line.split(":")[0].strip() for line, other in zip(before, after, strict=True) if line != other]
    assert set(changed) <= {"password", "lastmodified", "mac"}
    assert "password" in changed


@pytest.mark.parametrize(
    "words",
    [
        ["-i", "-in-place", "-d", "e.yaml"],
        ["--nonsense"],
        ["decrypt", "--nonsense", "e.yaml"],
        ["decrypt", "---i", "e.yaml"],
        ["decrypt", "--extract"],
        ["--indent", "x", "-d", "e.yaml"],
        ["decrypt", "--in-place=maybe", "e.yaml"],
        ["encrypt", "--shamir-secret-sharing-threshold", "x", "p.yaml"],
    ],
)
def test_a_line_that_cannot_be_read(ground: Ground, words: list[str]) -> None:
    theirs, ours = (ground.run(is_ours, words) for is_ours in (False, True))
    assert ours.code == theirs.code == 1
    assert ours.output.splitlines()[0] == theirs.output.splitlines()[0]
    assert ours.error
    assert theirs.error


@pytest.mark.parametrize(
    "words", [["--help"], ["-h"], ["help"], ["decrypt", "-h"], ["encrypt", "--help"], ["groups"], ["help", "set"]]
)
def test_help_goes_to_standard_output(ground: Ground, words: list[str]) -> None:
    theirs, ours = (ground.run(is_ours, words) for is_ours in (False, True))
    assert (ours.code, theirs.code) == (0, 0)
    assert ours.output.startswith("NAME:\n   sops")
    assert (ours.error, theirs.error) == ("", "")


def test_there_is_no_help_for_what_is_no_verb(ground: Ground) -> None:
    assert ground.run(True, ["help", "nonsense"]).code == ground.run(False, ["help", "nonsense"]).code == 3


def test_the_version(ground: Ground) -> None:
    theirs, ours = (ground.run(is_ours, ["--version", "--disable-version-check"]) for is_ours in (False, True))
    assert ours.output.startswith(theirs.output.strip() + " (kseal ")
    assert ours.output == ground.run(True, ["-v"]).output


@pytest.mark.parametrize(
    "words", [[], ["decrypt"], ["decrypt", "x"], ["groups"], ["groups", "add"], ["groups", "add", "--a"], ["e"]]
)
def test_the_original_completion_script_is_answered(ground: Ground, words: list[str]) -> None:
    theirs, ours = (ground.run(is_ours, [*words, "--generate-bash-completion"]) for is_ours in (False, True))
    assert (ours.code, theirs.code) == (0, 0)
    assert set(ours.output.split()) == set(theirs.output.split()) - {"help", "h"}


class TestOnPurpose:
    """Where we differ; docs/sops.md says why."""

    def test_a_pattern_that_is_none_is_an_error_and_not_plaintext(self, ground: Ground) -> None:
        words = ["encrypt", "-a", "AGE_ONE", "--encrypted-regex", "^(data)(?!x)", "keys.yaml"]
        theirs, ours = (ground.run(is_ours, words) for is_ours in (False, True))
        assert theirs.code == 0
        assert "hunter2" in theirs.output
        assert ours.code == 1
        assert "no pattern in Go's syntax" in ours.error
        assert ours.output == ""

    def test_an_edit_with_master_keys_shown_is_not_lost(self, ground: Ground) -> None:
        theirs, ours = (ground.run(is_ours, ["edit", "-s", "e-keys.yaml"]) for is_ours in (False, True))
        assert (ours.code, theirs.code) == (0, 0)
        assert "hunter2" in ground.opened(False, theirs.written["e-keys.yaml"])
        assert "hunter3" in ground.opened(True, ours.written["e-keys.yaml"])

    def test_two_modes_at_once_only_do_the_last(self, ground: Ground) -> None:
        theirs, ours = (ground.run(is_ours, ["-e", "-d", "-a", "AGE_ONE", "e.yaml"]) for is_ours in (False, True))
        assert (ours.code, ours.output) == (theirs.code, theirs.output)

    def test_what_crashes_the_original_is_an_error(self, ground: Ground) -> None:
        for place in ('["b"]["c"]', "[]", '["]', '["b"][-1]'):
            theirs, ours = (ground.run(is_ours, ["decrypt", "--extract", place, "e.yaml"]) for is_ours in (False, True))
            assert theirs.code == 2
            assert "goroutine" in theirs.error
            assert ours.code in {1, 91}
            assert "Traceback" not in ours.error

    def test_a_key_that_is_no_string_is_refused_where_it_is_read(self, ground: Ground) -> None:
        words = ["encrypt", "-a", "AGE_ONE", "number-key.yaml"]
        theirs, ours = (ground.run(is_ours, words) for is_ours in (False, True))
        assert (theirs.code, ours.code) == (23, 2)
        assert "a key is no string" in ours.error

    def test_a_group_without_keys_is_not_written(self, ground: Ground) -> None:
        theirs, ours = (ground.run(is_ours, ["groups", "add", "-i", "-f", "e.yaml"]) for is_ours in (False, True))
        assert theirs.code == 0
        assert theirs.written
        assert ours.code == 1
        assert not ours.written

    def test_the_last_group_is_not_deleted(self, ground: Ground) -> None:
        words = ["groups", "delete", "-i", "-f", "e.yaml", "0"]
        theirs, ours = (ground.run(is_ours, words) for is_ours in (False, True))
        assert b"BEGIN AGE" not in theirs.written["e.yaml"]
        assert ours.code == 1
        assert not ours.written

    def test_what_an_ini_file_has_no_room_for_is_not_written(self, ground: Ground) -> None:
        words = ["set", "e.ini", '["one"]["key"]', '{"x": 1}']
        theirs, ours = (ground.run(is_ours, words) for is_ours in (False, True))
        (ground.folder / "e.ini").write_bytes(theirs.written["e.ini"])
        assert ground.start(False, ["decrypt", "e.ini"], b"", {}).returncode == 25
        assert ours.code == 4
        assert not ours.written

    def test_a_pristine_environment_is_also_empty_for_an_empty_file(self, ground: Ground) -> None:
        words = ["exec-env", "--pristine", "e-comment.env", "echo home=$HOME"]
        theirs, ours = (ground.run(is_ours, words) for is_ours in (False, True))
        assert (theirs.code, ours.code) == (0, 0)
        assert theirs.output == f"home={ground.folder}\n"
        assert ours.output == "home=\n"


@pytest.mark.parametrize("serves_ours", [False, True])
def test_a_key_service_serves_both(ground: Ground, serves_ours: bool) -> None:
    ground.lay_out()
    socket = ground.folder / "keys.sock"
    ours = "import sys; from sealer.cli.main import main; sys.argv[0] = 'sops'; main()"
    program = [sys.executable, "-c", ours] if serves_ours else [str(ground.original)]
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
