"""Input that means no good, given to the real commands and to the controller's answers in processes with bounds.

Every case ends within some seconds of computing and some hundred megabytes, in a result or in one of our refusals.
"""

import base64
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from sealer.keys import SealingKey, generate
from sealer.sealedsecret import seal_secret

MIB = 1 << 20
SECONDS = 20.0
"""Of computing. The slowest case takes 4 s, and what grows with the square of its input would take minutes."""
MEBIBYTES = 512
"""Resident, at most; the interpreter alone has 25."""

# Runs one command line, or hands files to the answers of the controller; the last line says what it took.
COMMAND = """
import sys
from sealer.cli import main
code = main.call(sys.argv[1:], {})
"""
ANSWER = """
import sys
from controller.runtime.httpwire import Request
from controller.sealed.answers import Answers
from controller.settings import Http
from sealer.keys import load_private
from sealer.ring import KeyRing

class Keys:
    newest = load_private(open("key.pem", "rb").read())
    ring = KeyRing([newest])

answers = Answers(Keys(), Http(rate=100, burst=100), accept_v1_data=True)
(route,) = [route for route in answers.routes() if route.path == sys.argv[1]]
statuses = [route.handler(Request("POST", route.path, body=open(name, "rb").read())).status for name in sys.argv[2:]]
print(*statuses, file=sys.stderr)
code = len(statuses)
"""
SAYING = """
import resource
spent = resource.getrusage(resource.RUSAGE_SELF)
(peak,) = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(f"\\ntook {code} {spent.ru_utime + spent.ru_stime} {peak}")
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is measured by way of /proc"),
]


class Took(NamedTuple):
    """How a run ended: exit code or HTTP status, what it said, seconds of computing, resident memory at most."""

    code: int
    said: str
    seconds: float
    mebibytes: float


Run = Callable[..., Took]


@pytest.fixture(scope="module")
def key() -> SealingKey:
    return generate(2048, ttl=timedelta(days=1), common_name="", now=datetime.now(UTC).replace(microsecond=0))


@pytest.fixture
def run(tmp_path: Path, key: SealingKey) -> Run:
    """Run a program in a folder with key and certificate, on some input; no more than the bounds may be spent."""
    assert key.certificate is not None
    (tmp_path / "cert.pem").write_bytes(key.certificate.pem)
    (tmp_path / "key.pem").write_bytes(key.private_pem().reveal())

    def bounded() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (int(SECONDS) + 5,) * 2)
        resource.setrlimit(resource.RLIMIT_AS, (4 * MEBIBYTES * MIB,) * 2)

    def run(program: str, *words: str, given: bytes = b"") -> Took:
        done = subprocess.run(
            [sys.executable, "-c", program + SAYING, *words],
            input=given,
            capture_output=True,
            cwd=tmp_path,
            check=False,
            timeout=200,
            preexec_fn=bounded,
        )
        said = done.stderr.decode()
        assert done.returncode == 0, said[-2000:]
        assert "internal error" not in said
        code, seconds, peak = done.stdout.decode().splitlines()[-1].removeprefix("took ").split()
        took = Took(int(code), said, float(seconds), int(peak) / 1024)
        assert took.seconds < SECONDS
        assert took.mebibytes < MEBIBYTES
        return took

    return run


HEAD = "apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: shop}\n"
SEALED_HEAD = "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: db, namespace: shop}\n"
BOMB = "a: &a [" + "x," * 9 + "]\n" + "".join(
    f"{name}: &{name} [" + f"*{before}," * 9 + "]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)  # fmt: skip
MANY = 100_000

REFUSED = {
    "a value of 10 MiB": (HEAD + "stringData: {a: " + "x" * 10 * MIB + "}\n", "more than the 1048576 of a Secret"),
    "10 MiB of small values": ("a: [" + "1," * 5 * MIB + "1]\n", "more than 4000000 values"),
    "10 MiB of small mappings": ("a: [" + "{a: b}," * (10 * MIB // 7) + "]\n", "more than 4000000 values"),
    "10 MiB of open brackets": ("[" * 10 * MIB, "inside each other"),
    "10 MiB of open JSON objects": ('{"a":' * 2 * MIB, "inside each other"),
    "10 MiB of open JSON lists": ('{"a":' + "[" * 10 * MIB, "inside each other"),
    "levels of indentation": ("".join("  " * depth + "a:\n" for depth in range(2000)), "inside each other"),
    "aliases of aliases": (BOMB, "the aliases repeat too much"),
    "merges of merges": (
        "a: &a {" + ",".join(f"k{index}: v" for index in range(1000)) + "}\nb:\n" + "  <<: *a\n" * 3000,
        "the aliases repeat too much",
    ),
    "100 000 labels of no value": (
        HEAD.replace("shop}", "shop, labels: {" + ",".join(f"k{number}: [x]" for number in range(MANY)) + "}}"),
        "metadata.labels.k0 must be a string",
    ),
    "more documents than are read": ("---\na: b\n" * (MANY + 1), "more than 100000 documents"),
    "more bytes than are read": ("a" * 65 * MIB, "more than the 67108864 bytes that are read"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_sealing_refuses_it_within_bounds(run: Run, name: str) -> None:
    text, why = REFUSED[name]
    took = run(COMMAND, "seal", "--cert", "cert.pem", given=text.encode())
    assert took.code == 1
    assert why in took.said
    assert len(took.said) < 500


@pytest.mark.parametrize(
    "name", ["10 MiB of open brackets", "aliases of aliases", "100 000 labels of no value", "more bytes than are read"]
)
def test_rotating_refuses_it_within_bounds_and_leaves_the_file(run: Run, tmp_path: Path, name: str) -> None:
    text = f"# {SEALED_HEAD.splitlines()[0]} SealedSecret\n{REFUSED[name][0]}"
    (tmp_path / "f.yaml").write_text(text)
    took = run(COMMAND, "rotate", "-k", "key.pem", "f.yaml")
    assert took.code in (0, 1)
    assert len(took.said) < 1000
    assert (tmp_path / "f.yaml").read_text() == text


def test_a_hundred_thousand_keys_are_sealed_within_bounds(run: Run) -> None:
    text = HEAD + "stringData:\n" + "".join(f"  k{number}: v\n" for number in range(MANY))
    took = run(COMMAND, "seal", "--cert", "cert.pem", given=text.encode())
    assert took.code in (0, 1)


def test_a_hundred_thousand_items_that_do_not_open_are_refused_within_bounds(run: Run) -> None:
    text = SEALED_HEAD + "spec:\n  encryptedData:\n" + "".join(f"    k{number}: QUFB\n" for number in range(MANY))
    took = run(COMMAND, "unseal", "-k", "key.pem", given=text.encode())
    assert took.code == 1


TEMPLATES = {
    "loops in loops": "{{ range until 40000 }}{{ range until 40000 }}x{{ end }}{{ end }}",
    "loops that write nothing": "{{ range until 40000 }}{{ range until 40000 }}{{ end }}{{ end }}",
    "a template that calls itself": '{{ define "t" }}{{ template "t" . }}{{ end }}{{ template "t" . }}',
    "a template that calls itself twice": '{{ define "t" }}{{ template "t" }}{{ template "t" }}{{ end }}'
    '{{ template "t" }}',
    "a repeated text": '{{ repeat 2000000000 "x" }}',
    "a text that doubles": '{{ $x := "xxxx" }}{{ range until 60 }}{{ $x = print $x $x }}{{ end }}{{ $x }}',
    "a list that doubles": "{{ $x := list 1 2 }}{{ range until 60 }}{{ $x = concat $x $x }}{{ end }}{{ len $x }}",
    "wide fields": '{{ range until 100 }}{{ printf "%1000000d" 1 }}{{ end }}',
    "many keys": '{{ range until 40000 }}{{ genPrivateKey "rsa" }}{{ end }}',
    "parentheses": "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "blocks": "{{ if 1 }}" * 5000 + "{{ end }}" * 5000,
    "a failure that quotes the value": "{{ fail .a }}",
    "a number that is none": "{{ .a | mustFromJson }}{{ .a | mustToDate .a }}",
}


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_is_refused_within_bounds_and_without_a_value(run: Run, key: SealingKey, name: str) -> None:
    raw = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "stringData": {"a": "pl4nted"}}
    sealed = seal_secret(raw, key.private_key.public_key())
    sealed["spec"]["template"]["data"] = {"made": TEMPLATES[name]}
    took = run(COMMAND, "unseal", "-k", "key.pem", given=json.dumps(sealed).encode())
    assert took.code == 1
    assert "made" in took.said
    assert "pl4nted" not in took.said


def bodies(key: SealingKey) -> dict[str, bytes]:
    """Bodies up to the limit of the controller, 3 MiB."""
    room = 3 * MIB - 1024
    raw = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "data": {"a": "MQ=="}}
    good = seal_secret(raw, key.private_key.public_key())
    (item,) = good["spec"]["encryptedData"].values()
    spread = {**good, "spec": {"encryptedData": {f"k{number}": item for number in range(room // (len(item) + 16))}}}
    short = {**good, "spec": {"encryptedData": {f"k{number}": "QUFB" for number in range(MANY)}}}
    long = {**good, "spec": {"encryptedData": {"a": base64.b64encode(os.urandom(room * 3 // 4)).decode()}}}
    return {
        "brackets": b"[" * room,
        "JSON lists": b'{"a":' + b"[" * room,
        "aliases of aliases": BOMB.encode(),
        "small values": b"a: [" + b"1," * (room // 2) + b"]",
        "anchors": b"[" + b"&a x," * (room // 5) + b"]",
        "100 000 items": json.dumps(short).encode(),
        "one item of 3 MiB": json.dumps(long).encode(),
        "as many good items as fit": json.dumps(spread).encode(),
    }


@pytest.mark.parametrize("path", ["/v1/verify", "/v1/rotate", "/v1/identify"])
def test_the_controller_answers_it_within_bounds(run: Run, tmp_path: Path, key: SealingKey, path: str) -> None:
    given = bodies(key)
    for name, body in given.items():
        (tmp_path / name).write_bytes(body)
    took = run(ANSWER, path, *given)
    statuses = dict(zip(given, map(int, took.said.split()), strict=True))
    assert {name: status for name, status in statuses.items() if status not in (200, 409, 500, 503)} == {}
