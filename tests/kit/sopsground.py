"""Files in every format, encrypted by the original sops, on which it and ours do the same one after the other."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

PLAIN: Final = {
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
RULES: Final = {
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
ENCRYPTED: Final = {
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

OURS: Final = "import sys; from sealer.cli.main import main; sys.argv[0] = 'sops'; main()"


class Did(NamedTuple):
    code: int
    output: str
    error: str
    written: dict[str, bytes]
    """The files that were not there before, or changed."""


class SopsGround(NamedTuple):
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
        return subprocess.run(
            [*([sys.executable, "-c", OURS] if is_ours else [self.original]), *map(self.named, words)],
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


def make_ground(folder: Path, original: Path, keygen: Path) -> SopsGround:
    """The original encrypts each file once; some are then damaged."""
    said = [subprocess.run([keygen], capture_output=True, check=True).stdout.decode() for _ in range(2)]
    one, two = (text.partition("public key: ")[2].partition("\n")[0] for text in said)
    made = SopsGround(folder, original, (one, two), _identities(said), {})
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


def _identities(said: list[str]) -> str:
    return "\n".join(line for text in said for line in text.splitlines() if line.startswith("AGE-"))


def layout(text: str) -> str:
    """A text with ciphertext, wrapped keys and times apart; values of one length and type look alike."""
    text = _ENC.sub(lambda found: f"ENC[{len(found[1])},{found[2]}]", text)
    return _TIME.sub("TIME", _ARMOUR.sub("ARMOUR", text))


def check(ground: SopsGround, words: list[str], stdin: bytes = b"", environ: Mapping[str, str] | None = None) -> Did:
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
