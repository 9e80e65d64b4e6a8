"""The original kubeseal and ours side by side, offline: each flag, what they write, say and end with.

Outputs are opened and compared, ciphertext apart; messages are equal to the letter where the contract quotes them.
What we do otherwise on purpose is in test_kubeseal_compat_departures.py.
"""

import base64
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pytest

from sealer.ring import KeyRing
from tests.kit.kubesealground import FILES, SECRET, Did, KubesealGround, open_ground, order

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def ground(program: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubesealGround]:
    with open_ground(tmp_path_factory.mktemp("ground"), program("kubeseal")) as ground:
        yield ground


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
def test_what_is_sealed_is_the_same(line: str, ground: KubesealGround) -> None:
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
def test_what_is_written_to_files_is_the_same(line: str, file: str, ground: KubesealGround) -> None:
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
def test_one_value_is_sealed_for_the_same_place(line: str, stdin: bytes, label: str, ground: KubesealGround) -> None:
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
def test_failures_are_told_in_the_same_words(line: str, ground: KubesealGround) -> None:
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
def test_other_failures_end_the_same_way(line: str, ground: KubesealGround) -> None:
    original, ours = ground.both(line.split())
    assert (ours.code, ours.output, ours.written) == (original.code, original.output, original.written) == (1, b"", {})
    assert ours.error.startswith("error: ")
    assert original.error.startswith("error: ")


def test_where_the_controller_is_said_to_be_is_the_cure(ground: KubesealGround) -> None:
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
def test_wrong_lines_are_refused_in_the_same_words(line: str, ground: KubesealGround) -> None:
    original, ours = ground.both(line.split())
    assert ours.code == original.code == 2
    assert ours.output.splitlines()[-1] == original.output.splitlines()[-1]
    assert ours.error.startswith("Usage of ")
    assert len(ours.error.splitlines()) == len(original.error.splitlines()) == 1


def test_the_help_lists_the_same_flags(ground: KubesealGround) -> None:
    def names(did: Did) -> list[tuple[str, ...]]:
        lines = [line for line in did.output.decode().splitlines() if line.lstrip().startswith("-")]
        return [tuple(word for word in line.split()[:2] if word.startswith("-")) for line in lines]

    for flag in ("--help", "-h", "--help=true"):
        original, ours = ground.both([flag])
        assert (ours.code, names(ours)) == (original.code, names(original))
        assert bool(ours.error) == bool(original.error)


@pytest.mark.parametrize("line", ["--version", "--version --help", "--rotate --version", "- --version", "--version=1"])
def test_the_version_line_begins_alike(line: str, ground: KubesealGround) -> None:
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
def test_variables_count_where_the_line_is_silent(environ: dict[str, str], line: str, ground: KubesealGround) -> None:
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
def test_recovery_opens_the_same_without_an_owner_that_is_none(line: str, ground: KubesealGround) -> None:
    if "expired.pem" in line:
        line = line.replace("expired.pem", "key.yaml")
    original, ours = ground.both(["--recovery-unseal", *line.split()])
    assert (ours.code, ours.error) == (original.code, original.error) == (0, "")
    expected = ground.plain(original.output)
    assert expected[0]["metadata"].pop("ownerReferences")[0]["uid"] == ""
    assert ground.plain(ours.output) == expected


@pytest.mark.parametrize("line", ["", "-o json", "--scope strict", "-n shop"])
def test_items_are_merged_into_a_file_alike(line: str, ground: KubesealGround) -> None:
    words = ["--cert", "cert.pem", "--merge-into", "described.json", "-f", "rich.yaml", *line.split()]
    original, ours = ground.both(words)
    assert (ours.code, ours.output, ours.error) == (original.code, original.output, original.error) == (0, b"", "")
    assert ours.written.keys() == original.written.keys() == {"described.json"}
    assert ground.plain(ours.written["described.json"]) == ground.plain(original.written["described.json"])


def test_a_failed_call_leaves_the_output_as_it_was(ground: KubesealGround) -> None:
    text = json.dumps(SECRET) + "\n---\n" + FILES["no-data.yaml"]
    for did in ground.both(["--cert", "cert.pem", "-w", "value"], text.encode()):
        assert (did.code, did.written) == (1, {})


def test_the_terminal_is_told_that_input_is_awaited(ground: KubesealGround) -> None:
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
