"""The original kubeseal and ours side by side, offline: each flag, what they write, say and end with.

Outputs are opened and compared, ciphertext apart; messages are equal to the letter where the contract quotes them.
What we do otherwise on purpose is in the last tests, each of which docs/kubeseal.md names.
"""

import base64
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pexpect
import pytest
import yaml

from sealer.errors import UnsealError
from sealer.keys import SealingKey, generate
from sealer.ring import KeyRing
from sealer.sealedsecret import open_items, parse
from tests.kit.process import Nest
from tests.kit.warm import WarmKseal

pytestmark = pytest.mark.interop

SECRET: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "db", "namespace": "shop"},
    "data": {"a": "eA=="},
}
KUBECONFIG = """\
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]
contexts: [{name: x, context: {cluster: c, user: u, namespace: of-context}}, {name: bare, context: {cluster: c}}]
users: [{name: u, user: {}}]
current-context: x
"""
FILES = {
    "secret.json": json.dumps(SECRET),
    "rich.yaml": """\
apiVersion: v1
kind: Secret
metadata:
  name: db
  namespace: shop
  uid: 0f3e
  resourceVersion: "12"
  generation: 3
  creationTimestamp: "2024-01-01T00:00:00Z"
  labels: {app: db}
  annotations: {note: a & <b>, kubectl.kubernetes.io/last-applied-configuration: "{}"}
  finalizers: [example.com/keep]
  ownerReferences: [{apiVersion: v1, kind: Pod, name: p, uid: "1"}]
type: Opaque
immutable: true
data: {both: b25l, a: eA==}
stringData: {both: two}
""",
    "two.yaml": "---\n" + json.dumps(SECRET) + "\n---\n" + json.dumps({**SECRET, "type": "x/y"}) + "\n",
    "two.json": json.dumps(SECRET) + "\n" + json.dumps({**SECRET, "type": "x/y"}),
    "no-name.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {namespace: shop}\nstringData: {a: x}\n",
    "no-namespace.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData: {a: x}\n",
    "no-data.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: shop}\n",
    "wide.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: shop, annotations: "
    '{sealedsecrets.bitnami.com/namespace-wide: "true"}}\nstringData: {a: x}\n',
    "roaming.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: db, annotations: "
    '{sealedsecrets.bitnami.com/cluster-wide: "true"}}\nstringData: {a: x}\n',
    "nothing": "",
    "value": "hunter2\n",
    "kubeconfig": KUBECONFIG,
}


class Did(NamedTuple):
    code: int
    output: bytes
    error: str
    written: dict[str, bytes]
    """The files that were not there before, or changed."""


class Ground(NamedTuple):
    folder: Path
    warm: WarmKseal
    original: Path
    key: SealingKey

    def run(self, is_ours: bool, words: list[str], stdin: bytes = b"", **environ: str) -> Did:
        for path in self.folder.iterdir():
            if path.is_file():
                path.unlink()
        for name, text in FILES.items():
            (self.folder / name).write_text(text)
        assert self.key.certificate is not None
        (self.folder / "cert.pem").write_bytes(self.key.certificate.pem)
        (self.folder / "key.pem").write_bytes(self.key.private_pem().reveal())
        for name, data in self.made().items():
            (self.folder / name).write_bytes(data)
        before = self.files()
        env = {"PATH": os.environ["PATH"], "HOME": str(self.folder), **environ}
        if is_ours:
            done = self.warm.run(["kubeseal", *words], folder=self.folder, environ=env, given=stdin)
        else:
            command = [self.original, *words]
            done = subprocess.run(
                command, cwd=self.folder, input=stdin, env=env, capture_output=True, timeout=60, check=False
            )
        after = self.files()
        changed = {name: data for name, data in after.items() if before.get(name) != data}
        return Did(done.returncode, done.stdout, done.stderr.decode(), changed)

    def both(self, words: list[str], stdin: bytes = b"", **environ: str) -> tuple[Did, Did]:
        return self.run(False, words, stdin, **environ), self.run(True, words, stdin, **environ)

    def files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.folder.iterdir() if path.is_file()}

    def made(self) -> dict[str, bytes]:
        from sealer.sealedsecret import seal_secret

        assert self.key.certificate is not None
        sealed = seal_secret(SECRET, self.key.certificate.public_key)
        metadata = {**SECRET["metadata"], "labels": {"old": "label"}, "annotations": {"old": "note"}}
        described = seal_secret({**SECRET, "metadata": metadata}, self.key.certificate.public_key)
        raw_key = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "k"},
            "data": {
                "tls.key": base64.b64encode(self.key.private_pem().reveal()).decode(),
                "tls.crt": base64.b64encode(self.key.certificate.pem).decode(),
            },
        }
        keys = {"apiVersion": "v1", "kind": "List", "items": [raw_key]}
        pem = b"-----BEGIN CERTIFICATE-----\n"
        return {
            "sealed.json": json.dumps(sealed).encode(),
            "sealed-two.yaml": yaml.safe_dump_all([sealed, sealed]).encode(),
            "described.json": json.dumps(described).encode(),
            "described.yaml": b"# kept\n" + yaml.safe_dump(described).encode(),
            "key.yaml": yaml.safe_dump(raw_key).encode(),
            "keys.json": json.dumps(keys).encode(),
            "no-key.yaml": json.dumps(SECRET).encode(),
            "expired.pem": EXPIRED.certificate.pem if EXPIRED.certificate else pem,
        }

    def plain(self, data: bytes) -> Any:
        """Sealed objects with their values in place of the ciphertext; the base64 of one value as that value."""
        text = data.decode()
        if not text or text.startswith("-----BEGIN"):
            return text
        objects = json_objects(text) if text.startswith("{") else list(yaml.safe_load_all(text))
        for one in objects:
            if isinstance(one, dict) and one.get("kind") == "SealedSecret":
                opened = open_items(parse(one), KeyRing([self.key]))
                one["spec"]["encryptedData"] = {key: item.value for key, item in opened.items()}
        return objects


EXPIRED = generate(2048, ttl=timedelta(days=1), common_name="", now=datetime(2020, 1, 1, tzinfo=UTC))


def json_objects(text: str) -> list[Any]:
    found, decoder, at = [], json.JSONDecoder(), 0
    while at < len(text):
        value, at = decoder.raw_decode(text, at)
        found.append(value)
        while at < len(text) and text[at].isspace():
            at += 1
    return found


def order(data: bytes) -> list[str]:
    """The keys of a text in their order, ciphertext apart: two such lists are equal when the layout is."""
    lines = data.decode().splitlines()
    return [line.partition(":")[0] if '"AQ' in line or ": AQ" in line else line for line in lines]


@pytest.fixture(scope="module")
def ground(program: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    key = generate(2048, ttl=timedelta(days=30), common_name="", now=datetime.now(UTC))
    with Nest("compat") as nest:
        yield Ground(tmp_path_factory.mktemp("ground"), WarmKseal(nest), program("kubeseal"), key)


SEALS = [
    "-f secret.json",
    "--secret-file=secret.json --format json",
    "-f secret.json -o yaml",
    "-f secret.json -oYAML",
    "-f rich.yaml",
    "-f rich.yaml --format=yaml",
    "-f two.yaml",
    "-f two.json -o yaml",
    "-f rich.yaml --scope namespace-wide",
    "-f rich.yaml --scope cluster-wide",
    "-f rich.yaml --scope strict",
    "-f rich.yaml --scope=",
    "-f wide.yaml",
    "-f wide.yaml --scope strict",
    "-f wide.yaml --scope cluster-wide",
    "-f roaming.yaml",
    "-f rich.yaml --name other",
    "-f no-name.yaml --name other",
    "-f no-namespace.yaml -n shop",
    "-f no-namespace.yaml -nshop",
    "-f no-namespace.yaml --kubeconfig kubeconfig",
    "-f no-namespace.yaml --kubeconfig kubeconfig --context bare",
    "-f no-data.yaml --allow-empty-data",
    "-f no-data.yaml --allow-empty-data=t -o yaml",
    "-f secret.json some more words - --",
    "-f secret.json -v 5 --logtostderr=false --vmodule=a=1 --stderrthreshold WARNING",
    "-f secret.json --fetch-cert=false --validate=0 --raw=F",
    "-f secret.json --request-timeout never",
    "--fetch-cert",
    "--fetch-cert --raw -f secret.json",
]
"""Lines that end well and write to standard output; --cert cert.pem stands before each."""


@pytest.mark.parametrize("line", SEALS)
def test_what_is_sealed_is_the_same(line: str, ground: Ground) -> None:
    original, ours = ground.both(["--cert", "cert.pem", *line.split()])
    assert (ours.code, ours.error) == (original.code, original.error) == (0, "")
    assert ground.plain(ours.output) == ground.plain(original.output)
    assert order(ours.output) == order(original.output)


@pytest.mark.parametrize(
    ("line", "file"),
    [
        ("-f secret.json -w out.json", "out.json"),
        ("-f secret.json -w out", "out"),
        ("-f secret.json -w -", "-"),
        ("-f secret.json -w out.yaml", "out.yaml"),
        ("-f secret.json -w out.yml -o json", "out.yml"),
        ("-f secret.json --sealed-secret-file=out.yaml -o xml", "out.yaml"),
        ("--fetch-cert -w out.pem", "out.pem"),
    ],
)
def test_what_is_written_to_files_is_the_same(line: str, file: str, ground: Ground) -> None:
    original, ours = ground.both(["--cert", "cert.pem", *line.split()])
    assert (ours.code, ours.output, ours.error) == (original.code, original.output, original.error) == (0, b"", "")
    assert ours.written.keys() == original.written.keys() == {file}
    assert ground.plain(ours.written[file]) == ground.plain(original.written[file])


RAW = [
    ("-n shop --name db", b"hunter2\n", "shop/db"),
    ("-n shop --name db --from-file value", b"", "shop/db"),
    ("-n shop --name db --from-file key=value", b"", "shop/db"),
    ("-n shop --scope namespace-wide", b"", "shop"),
    ("--scope cluster-wide", b"\x00\xff", ""),
    ("-n shop --name db -f secret.json", b"from stdin", "shop/db"),
    ("--name db --kubeconfig kubeconfig", b"x", "of-context/db"),
    ("-n shop --name db -o xml", b"x", "shop/db"),
]


@pytest.mark.parametrize(("line", "stdin", "label"), RAW)
def test_one_value_is_sealed_for_the_same_place(line: str, stdin: bytes, label: str, ground: Ground) -> None:
    original, ours = ground.both(["--cert=cert.pem", "--raw", *line.split()], stdin)
    assert (ours.code, ours.error) == (original.code, original.error) == (0, "")
    values = [
        KeyRing([ground.key]).open(base64.b64decode(did.output, validate=True), label.encode()).value
        for did in (original, ours)
    ]
    assert values[0] == values[1] == (FILES["value"].encode() if "from-file" in line else stdin)


QUOTED = [
    "-f nowhere --cert cert.pem",
    "-f secret.json --cert nowhere",
    "-f secret.json --cert expired.pem",
    "-f secret.json --cert key.pem",
    "-f nothing --cert cert.pem",
    "-f no-data.yaml --cert cert.pem",
    "-f no-name.yaml --cert cert.pem",
    "-f no-namespace.yaml --cert cert.pem",
    "-f no-namespace.yaml --cert cert.pem --kubeconfig kubeconfig --context nowhere",
    "-f secret.json --cert cert.pem -n other",
    "-f secret.json --cert cert.pem -o xml",
    "--from-file value",
    "--cert cert.pem --raw -n shop",
    "--cert cert.pem --raw -n shop --name db --from-file value --from-file value",
    "--cert cert.pem --raw -n shop --name db --from-file=value,value",
    "--cert cert.pem --raw -n shop --name db --from-file nowhere",
    "--cert cert.pem --merge-into nowhere -f secret.json",
    "--recovery-unseal -f sealed.json",
    "--recovery-unseal -f sealed.json --recovery-private-key nowhere",
    "--recovery-unseal -f sealed.json --recovery-private-key no-key.yaml",
    "-f secret.json --cert file:///nowhere/cert.pem",
    "--recovery-unseal -f nowhere",
    "--recovery-unseal -f sealed.json --recovery-private-key key.pem -o xml",
]
"""Lines that fail with words of the contract."""


@pytest.mark.parametrize("line", QUOTED)
def test_failures_are_told_in_the_same_words(line: str, ground: Ground) -> None:
    original, ours = ground.both(line.split())
    assert (original.code, original.output, original.written) == (1, b"", {})
    assert ours == original


FAILURES = [
    "-f secret.json",
    "-f secret.json --kubeconfig nowhere",
    "-f secret.json --kubeconfig kubeconfig",
    "-f secret.json --kubeconfig kubeconfig --context nowhere",
    "-f secret.json --kubeconfig kubeconfig --cluster nowhere",
    "-f secret.json --kubeconfig kubeconfig --user nowhere",
    "-f secret.json --kubeconfig kubeconfig --request-timeout soon",
    "-f secret.json --kubeconfig kubeconfig --client-certificate nowhere --client-key nowhere",
    "-f secret.json --kubeconfig kubeconfig --certificate-authority nowhere",
    "-f secret.json --kubeconfig kubeconfig --as-group g",
    "-f secret.json --server http://127.0.0.1:1",
    "--fetch-cert --kubeconfig kubeconfig",
    "--validate -f sealed.json --kubeconfig kubeconfig",
    "--re-encrypt -f sealed.json --kubeconfig kubeconfig",
    "--fetch-cert --validate --cert cert.pem --kubeconfig kubeconfig",
    "--cert ftp://x/y -f secret.json",
    "--cert file:///nowhere -f secret.json",
    "--cert http://127.0.0.1:1/y -f secret.json",
    "--cert cert.pem --raw --name db",
    "--cert cert.pem --merge-into secret.json -f secret.json",
    "--cert cert.pem -f secret.json -w nowhere/out",
    "--recovery-unseal -f secret.json --recovery-private-key key.pem",
    "--recovery-unseal -f sealed.json --recovery-private-key cert.pem",
]
"""Lines that fail with words that are nobody's contract: stream and exit code count."""


@pytest.mark.parametrize("line", FAILURES)
def test_other_failures_end_the_same_way(line: str, ground: Ground) -> None:
    original, ours = ground.both(line.split())
    assert (ours.code, ours.output, ours.written) == (original.code, original.output, original.written) == (1, b"", {})
    assert ours.error.startswith("error: ")
    assert original.error.startswith("error: ")


def test_where_the_controller_is_said_to_be_is_the_cure(ground: Ground) -> None:
    original, ours = ground.both(["-f", "secret.json", "--kubeconfig", "kubeconfig"])
    assert ours.error.splitlines()[1:] == original.error.splitlines()[1:] != []
    assert ours.error.startswith("error: cannot get sealed secret service: ")


WRONG = [
    "--bogus",
    "--bogus=x --help",
    "--help --bogus",
    "--valid",
    "-z",
    "-oz -z",
    "--=x",
    "---x",
    "--format",
    "-n",
    "-w",
    "--validate=maybe",
    "--version=no",
    "--scope foo",
    "-v x",
    "-v=99999999999",
    "--stderrthreshold=bogus",
    "--log_file_max_size -1",
    "--vmodule=x",
    "--log_backtrace_at x",
    "--one_output=x",
    "--allow-empty-data=yes",
]


@pytest.mark.parametrize("line", WRONG)
def test_wrong_lines_are_refused_in_the_same_words(line: str, ground: Ground) -> None:
    original, ours = ground.both(line.split())
    assert ours.code == original.code == 2
    assert ours.output.splitlines()[-1] == original.output.splitlines()[-1]
    assert ours.error.startswith("Usage of ")
    assert len(ours.error.splitlines()) == len(original.error.splitlines()) == 1


def test_the_help_lists_the_same_flags(ground: Ground) -> None:
    def names(did: Did) -> list[tuple[str, ...]]:
        lines = [line for line in did.output.decode().splitlines() if line.lstrip().startswith("-")]
        return [tuple(word for word in line.split()[:2] if word.startswith("-")) for line in lines]

    for flag in ("--help", "-h", "--help=true"):
        original, ours = ground.both([flag])
        assert (ours.code, names(ours)) == (original.code, names(original))
        assert bool(ours.error) == bool(original.error)


@pytest.mark.parametrize("line", ["--version", "--version --help", "--rotate --version", "- --version", "--version=1"])
def test_the_version_line_begins_alike(line: str, ground: Ground) -> None:
    original, ours = ground.both(line.split())
    assert (ours.code, ours.error) == (original.code, original.error) == (0, "")
    assert ours.output.rstrip().rpartition(b" (kseal ")[0] == original.output.rstrip()


@pytest.mark.parametrize(
    ("environ", "line"),
    [
        ({"SEALED_SECRETS_CERT": "cert.pem"}, "-f secret.json"),
        ({"SEALED_SECRETS_CERT": "nowhere"}, "-f secret.json --cert cert.pem"),
        ({"SEALED_SECRETS_FORMAT": "yaml"}, "-f secret.json --cert cert.pem"),
        ({"SEALED_SECRETS_SCOPE": "cluster-wide"}, "-f secret.json --cert cert.pem"),
        ({"SEALED_SECRETS_SCOPE": "nonsense"}, "-f secret.json --cert cert.pem"),
        ({"SEALED_SECRETS_NAMESPACE": "shop"}, "-f no-namespace.yaml --cert cert.pem"),
        ({"SEALED_SECRETS_NAMESPACE": "other"}, "-f secret.json --cert cert.pem"),
        ({"SEALED_SECRETS_SECRET_FILE": "secret.json"}, "--cert cert.pem"),
        ({"SEALED_SECRETS_ALLOW_EMPTY_DATA": "true"}, "-f no-data.yaml --cert cert.pem"),
        ({"SEALED_SECRETS_ALLOW_EMPTY_DATA": "perhaps"}, "-f no-data.yaml --cert cert.pem"),
        ({"SEALED_SECRETS_KUBECONFIG": "kubeconfig"}, "-f no-namespace.yaml --cert cert.pem"),
        ({"SEALED_SECRETS_FETCH_CERT": "1"}, "--cert cert.pem"),
        ({"SEALED_SECRETS_FROM_FILE": "value"}, "--cert cert.pem --raw -n shop --name db --from-file value"),
    ],
)
def test_variables_count_where_the_line_is_silent(environ: dict[str, str], line: str, ground: Ground) -> None:
    original, ours = ground.both(line.split(), **environ)
    assert (ours.code, ours.error) == (original.code, original.error)
    assert ground.plain(ours.output) == ground.plain(original.output)


@pytest.mark.parametrize(
    "line",
    [
        "-f sealed.json --recovery-private-key key.pem",
        "-f described.yaml --recovery-private-key key.pem -o yaml",
        "-f sealed.json --recovery-private-key key.yaml",
        "-f sealed.json --recovery-private-key keys.json",
        "-f sealed.json --recovery-private-key expired.pem,key.pem",
        "-f sealed.json --recovery-private-key keys.json --recovery-private-key key.pem",
        "-f sealed.json --recovery-private-key key.pem --validate",
    ],
)
def test_recovery_opens_the_same_without_an_owner_that_is_none(line: str, ground: Ground) -> None:
    if "expired.pem" in line:
        line = line.replace("expired.pem", "key.yaml")
    original, ours = ground.both(["--recovery-unseal", *line.split()])
    assert (ours.code, ours.error) == (original.code, original.error) == (0, "")
    expected = ground.plain(original.output)
    assert expected[0]["metadata"].pop("ownerReferences")[0]["uid"] == ""
    assert ground.plain(ours.output) == expected


@pytest.mark.parametrize("line", ["", "-o json", "--scope strict", "-n shop"])
def test_items_are_merged_into_a_file_alike(line: str, ground: Ground) -> None:
    words = ["--cert", "cert.pem", "--merge-into", "described.json", "-f", "rich.yaml", *line.split()]
    original, ours = ground.both(words)
    assert (ours.code, ours.output, ours.error) == (original.code, original.output, original.error) == (0, b"", "")
    assert ours.written.keys() == original.written.keys() == {"described.json"}
    assert ground.plain(ours.written["described.json"]) == ground.plain(original.written["described.json"])


def test_merging_keeps_the_form_and_the_comments_of_the_file(ground: Ground) -> None:
    words = ["--cert", "cert.pem", "--merge-into", "described.yaml", "-f", "rich.yaml"]
    original, ours = ground.both(words)
    assert original.written["described.yaml"].startswith(b"{")
    assert ours.written["described.yaml"].startswith(b"# kept\napiVersion:")
    assert ground.plain(ours.written["described.yaml"]) == ground.plain(original.written["described.yaml"])
    asked = ground.run(True, [*words, "-o", "json"])
    assert asked.written["described.yaml"].startswith(b"{")


def test_merging_takes_the_scope_of_the_file(ground: Ground) -> None:
    words = ["--cert", "cert.pem", "--merge-into", "described.json", "-f", "rich.yaml", "--scope", "cluster-wide"]
    original, ours = ground.both(words)
    (merged,) = ground.plain(ours.written["described.json"])
    assert merged["spec"]["encryptedData"]["both"] == b"two"
    assert "annotations" not in merged["metadata"]
    with pytest.raises(UnsealError, match="no key could decrypt secret"):
        ground.plain(original.written["described.json"])


def test_merging_into_a_file_without_labels_does_not_crash(ground: Ground) -> None:
    original, ours = ground.both(["--cert", "cert.pem", "--merge-into", "sealed.json", "-f", "rich.yaml"])
    assert "panic" in original.error
    assert (ours.code, ours.error) == (0, "")
    (merged,) = ground.plain(ours.written["sealed.json"])
    assert merged["spec"]["template"]["metadata"]["labels"] == {"app": "db"}


@pytest.mark.parametrize(
    "text",
    [
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: db, namespace: shop}\ndata: {a: eA==}\n",
        json.dumps(SECRET) + "\n---\na: [\n---\n" + json.dumps(SECRET),
        json.dumps(SECRET) + json.dumps(SECRET) + "garbage",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: shop}\nstringData: {a: x, a: z}\n",
    ],
    ids=["another kind", "a broken document among good ones", "garbage behind objects", "a key twice"],
)
def test_what_would_be_lost_or_misread_is_an_error(text: str, ground: Ground) -> None:
    ours = ground.run(True, ["--cert", "cert.pem"], text.encode())
    assert (ours.code, ours.output) == (1, b"")
    assert ours.error.startswith("error: ")


@pytest.mark.parametrize(
    ("field", "value", "becomes"),
    [("stringData", "0123", "83"), ("stringData", "1e3", "1000"), ("stringData", "yes", "true")],
    ids=["octal", "exponent", "a word of YAML 1.1"],
)
def test_a_number_is_no_text(field: str, value: str, becomes: str, ground: Ground) -> None:
    """The original makes another text of it: whoever typed 0123 as a PIN gets 83."""
    text = f"apiVersion: v1\nkind: Secret\nmetadata: {{name: db, namespace: shop}}\n{field}: {{pin: {value}}}\n"
    original, ours = ground.both(["--cert", "cert.pem"], text.encode())

    (sealed,) = ground.plain(original.output)
    assert sealed["spec"]["encryptedData"] == {"pin": becomes.encode()}
    assert (ours.code, ours.output) == (1, b"")
    assert 'stringData["pin"]' in ours.error


@pytest.mark.parametrize(
    "changed",
    [
        {"metadata": {"name": "Data_Base", "namespace": "shop"}},
        {"data": {"pässword": "eA=="}},
        {"data": {"k" * 254: "eA=="}},
        {"apiVersion": "v2"},
        {"kind": "secret"},
    ],
    ids=["name", "letter of a key", "length of a key", "version", "kind"],
)
def test_what_the_api_would_refuse_is_not_sealed(changed: dict[str, Any], ground: Ground) -> None:
    original, ours = ground.both(["--cert", "cert.pem"], json.dumps({**SECRET, **changed}).encode())
    assert original.code == 0
    assert (ours.code, ours.output) == (1, b"")
    assert ours.error.startswith("error: ")


def test_what_only_a_server_writes_is_left_out(ground: Ground) -> None:
    metadata = {**SECRET["metadata"], "managedFields": [{"manager": "kubectl", "operation": "Update"}]}
    original, ours = ground.both(["--cert", "cert.pem"], json.dumps({**SECRET, "metadata": metadata}).encode())
    (theirs,), (sealed,) = ground.plain(original.output), ground.plain(ours.output)
    assert theirs["spec"]["template"]["metadata"].pop("managedFields")
    assert sealed == theirs


def test_utf_16_is_read_by_its_mark(ground: Ground) -> None:
    text = "apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: shop}\nstringData: {a: über}\n"
    original, ours = ground.both(["--cert", "cert.pem"], text.encode("utf-16"))
    assert (original.code, original.output) == (1, b"")
    (sealed,) = ground.plain(ours.output)
    assert sealed["spec"]["encryptedData"] == {"a": "über".encode()}


def test_what_no_cluster_stores_is_not_sealed(ground: Ground) -> None:
    many = {**SECRET, "data": {f"k{number}": "" for number in range(5000)}}
    original, ours = ground.both(["--cert", "cert.pem"], json.dumps(many).encode())
    assert original.code == 0
    assert len(original.output) > 1_572_864
    assert (ours.code, ours.output) == (1, b"")
    assert "more than the 1572864 of a stored object" in ours.error


def test_lists_are_taken_apart(ground: Ground) -> None:
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": [SECRET, SECRET]})
    original, ours = ground.both(["--cert", "cert.pem"], text.encode())
    assert original.code == 1
    assert (ours.code, len(ground.plain(ours.output))) == (0, 2)


def test_recovery_of_nothing_is_an_error(ground: Ground) -> None:
    original, ours = ground.both(["--recovery-unseal", "-f", "nothing", "--recovery-private-key", "key.pem"])
    assert (original.code, ours.code, ours.output) == (0, 1, b"")


def test_recovery_of_several_documents_is_an_error(ground: Ground) -> None:
    line = ["--recovery-unseal", "-f", "sealed-two.yaml", "--recovery-private-key", "key.pem"]
    original, ours = ground.both(line)
    assert original.code == 0
    assert len(ground.plain(original.output)) == 1
    assert (ours.code, ours.output) == (1, b"")
    assert "one SealedSecret can be unsealed at a time" in ours.error


def test_merging_leaves_another_output_alone(ground: Ground) -> None:
    line = ["--cert", "cert.pem", "--merge-into", "sealed.json", "-f", "secret.json", "-w", "out.json"]
    original, ours = ground.both(line)
    assert (original.code, original.written["out.json"]) == (0, b"")
    assert (ours.code, ours.written.get("out.json")) == (0, None)


def test_a_failed_call_leaves_the_output_as_it_was(ground: Ground) -> None:
    text = json.dumps(SECRET) + "\n---\n" + FILES["no-data.yaml"]
    for did in ground.both(["--cert", "cert.pem", "-w", "value"], text.encode()):
        assert (did.code, did.written) == (1, {})


def test_a_silent_server_is_waited_for_as_long_as_is_said(ground: Ground) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = f"http://127.0.0.1:{silent.getsockname()[1]}"
        began = time.monotonic()
        ours = ground.run(True, ["--fetch-cert", f"--server={server}", "--request-timeout=1s"])
        assert time.monotonic() - began < 30
    assert (ours.code, ours.output) == (1, b"")
    assert ours.error.startswith("error: cannot get sealed secret service: ")


def test_the_terminal_is_told_that_input_is_awaited(ground: Ground) -> None:
    ground.run(True, ["--version"])
    for flags, hint in (
        ([], "(tty detected: expecting json/yaml k8s resource in stdin)"),
        (["--raw", "-n", "shop", "--name", "db"], "(tty detected: expecting a secret to encrypt in stdin)"),
    ):
        program = [sys.executable, "-c", "from sealer.cli.main import main; main()", "kubeseal"]
        for command in ([str(ground.original)], program):
            child = pexpect.spawn(command[0], [*command[1:], "--cert", "cert.pem", *flags], cwd=str(ground.folder))
            child.expect_exact(hint, timeout=30)
            child.close(force=True)
