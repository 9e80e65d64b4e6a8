r"""The command line as people type it: every file of tests/scripts is run line by line, as a real shell would.

    $ COMMAND       run by bash, in a folder that holds the files at the end of the script, keys and certificates
    > LINE          what it writes to standard output
    ! LINE          what it writes to standard error
    ? CODE          its exit code, when it is not 0
    # TEXT          for the reader

`...` stands for any text within a line; a line that is just `...` for any number of lines. Files follow at the end,
each after a line `-- NAME --`. Beside them lie cert.pem with its key key.pem, other.pem and other-key.pem (of another
cluster), expired.pem, ec.pem (not RSA), keys.yaml (both keys, as a List of Secrets).
"""

import json
import os
import re
import subprocess
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from sealer.keys import SealingKey
from tests.kit.process import Nest
from tests.kit.warm import WarmKseal

SCRIPTS = Path(__file__).parent.parent / "scripts"


class Step(NamedTuple):
    """One command and what is expected of it."""

    line: int
    command: str
    output: list[str]
    errors: list[str]
    code: int


LONG = {
    "convert",
    "git-actions",
    "in-place",
    "into",
    "rotate",
    "seal",
    "seal-bad-input",
    "set-unset",
    "shims",
    "sops",
    "sops-verify",
    "unseal",
    "verify",
}
"""Scripts that start many processes. A few of each family stay: seals, certificates, SOPS files, shells."""

# A call without anything that a shell would change. It needs none, which saves two thirds of its time.
PLAIN_CALL = re.compile(r"kseal( [\w./:=,@+-]+)*")


class Script(NamedTuple):
    steps: list[Step]
    files: dict[str, str]


def read_script(text: str) -> Script:
    """The steps and files of a script. Raises: ValueError for a line that is none of them."""
    steps: list[Step] = []
    files: dict[str, str] = {}
    name = None
    for number, line in enumerate(text.splitlines(), 1):
        mark, _, rest = line.partition(" ")
        if found := re.fullmatch(r"-- (\S+) --", line):
            name = found[1]
            files[name] = ""
        elif name is not None:
            files[name] += line + "\n"
        elif mark == "$":
            steps.append(Step(number, rest, [], [], 0))
        elif mark in (">", "!"):
            (steps[-1].output if mark == ">" else steps[-1].errors).append(rest)
        elif mark == "?":
            steps[-1] = steps[-1]._replace(code=int(rest))
        elif mark not in ("#", ""):
            raise ValueError(f"line {number} is nothing that a script has: {line}")
    return Script(steps, files)


def pattern(lines: list[str]) -> str:
    """The regular expression of expected lines."""
    parts = []
    for line in lines:
        if line == "...":
            parts.append(r"(?:[^\n]*\n)*?")
        else:
            parts.append(".*".join(map(re.escape, line.split("..."))) + r"\n")
    return "".join(parts)


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory, make_key: Callable[..., SealingKey], key: SealingKey) -> Path:
    """A folder with the keys and certificates."""
    common = tmp_path_factory.mktemp("common")
    pairs = {"cert.pem": key, "other.pem": make_key(3), "expired.pem": make_key(10, ttl_days=5)}
    for name, made in pairs.items():
        assert made.certificate is not None
        (common / name).write_bytes(made.certificate.pem)
    (common / "key.pem").write_bytes(key.private_pem().reveal())
    (common / "other-key.pem").write_bytes(pairs["other.pem"].private_pem().reveal())
    (common / "ec.pem").write_bytes(elliptic())
    (common / "keys.yaml").write_text(json.dumps(key_list(key, pairs["other.pem"])))
    return common


@pytest.fixture(scope="module")
def warm() -> Iterator[WarmKseal]:
    with Nest("transcripts") as nest:
        yield WarmKseal(nest)


def elliptic() -> bytes:
    """A certificate whose key is not RSA."""
    name, private_key, now = x509.Name([]), ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, private_key.public_key(), 1, now, now + timedelta(days=1))
    return builder.sign(private_key, hashes.SHA256()).public_bytes(Encoding.PEM)


def key_list(*keys: SealingKey) -> dict[str, object]:
    """Key Secrets as a backup by `kubectl get secret -o yaml` holds them."""
    items = []
    for number, key in enumerate(keys):
        assert key.certificate is not None
        pair = {"tls.key": key.private_pem().reveal(), "tls.crt": key.certificate.pem}
        data = {name: b64encode(text).decode() for name, text in pair.items()}
        metadata = {"name": f"sealed-secrets-key{number}", "namespace": "kube-system"}
        items.append({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})
    return {"apiVersion": "v1", "kind": "List", "items": items}


def typed(
    command: str, warm: WarmKseal, folder: Path, environ: Mapping[str, str]
) -> subprocess.CompletedProcess[bytes]:
    """What a shell does with a line."""
    if PLAIN_CALL.fullmatch(command):
        return warm.run(command.split()[1:], folder=folder, environ=environ)
    return subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=path.stem, marks=[pytest.mark.slow] if path.stem in LONG else [])
        for path in sorted(SCRIPTS.glob("*.txt"))
    ],
)
def test_the_transcript_is_what_happens(path: Path, ground: Path, warm: WarmKseal, tmp_path: Path) -> None:
    script = read_script(path.read_text(encoding="utf-8"))
    assert script.steps
    for source in ground.iterdir():
        (tmp_path / source.name).write_bytes(source.read_bytes())
    for name, text in script.files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    environ = {"PATH": f"{warm.program.parent}:{os.environ['PATH']}", "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
    for step in script.steps:
        done = typed(step.command, warm, tmp_path, environ)
        output, errors = done.stdout.decode(), done.stderr.decode()
        is_right = (
            re.fullmatch(pattern(step.output), output)
            and re.fullmatch(pattern(step.errors), errors)
            and done.returncode == step.code
        )
        if not is_right:
            said = f"{output}--- standard error\n{errors}--- exit code {done.returncode}, expected {step.code}"
            pytest.fail(f"{path.name}:{step.line}: $ {step.command}\n{said}", pytrace=False)


@pytest.mark.parametrize(
    ("lines", "text", "fits"),
    [
        (["a", "b...d"], "a\nbcd\n", True),
        (["a", "b...d"], "a\nbc\n", False),
        (["a", "...", "z"], "a\nz\n", True),
        (["a", "...", "z"], "a\nb\nc\nz\n", True),
        (["a", "..."], "b\n", False),
        ([], "", True),
        ([], "a\n", False),
        (["a.c"], "abc\n", False),
    ],
)
def test_the_runner_can_tell_right_from_wrong(lines: list[str], text: str, *, fits: bool) -> None:
    assert bool(re.fullmatch(pattern(lines), text)) is fits
