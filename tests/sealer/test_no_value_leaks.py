"""Whatever happens to a secret value on the command line, it stands nowhere but where it was asked to be.

A planted value goes through good and bad runs of the real command; its forms are then looked for in both streams, in
the arguments and the environment of the process, and in every file that was left in its folders.
"""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sealer.keys import SealingKey
from tests.kit.leaks import Canary, Place, assert_absent, files, process

KSEAL = Path(sys.executable).with_name("kseal")
CANARY = Canary()
CORE, TEXT = CANARY.core, CANARY.text
ENCODED = base64.b64encode(CANARY.value).decode()
HEAD = "apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: shop}\n"

GOOD = {
    "data": f"{HEAD}data: {{password: {ENCODED}}}\n",
    "stringData": f"{HEAD}stringData: {{password: {json.dumps(TEXT)}}}\n",
    "JSON": json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": "db",
                "namespace": "shop",
                "annotations": {"kubectl.kubernetes.io/last-applied-configuration": json.dumps({"data": ENCODED})},
            },
            "data": {"password": ENCODED},
        }
    ),
}
BAD = {
    "no base64": f"{HEAD}data: {{password: {json.dumps(TEXT)}}}\n",
    "a mapping for a value": f"{HEAD}stringData: {{password: {{nested: {CORE}}}}}\n",
    "a list for data": f"{HEAD}data: [{CORE}]\n",
    "text for stringData": f"{HEAD}stringData: {CORE}\n",
    "a number tag": f"{HEAD}stringData: {{password: !!int {CORE}}}\n",
    "a float tag": f"{HEAD}stringData: {{password: !!float {CORE}}}\n",
    "an unclosed quote": f'{HEAD}stringData: {{password: "{CORE}\n',
    "a tab": f"{HEAD}stringData:\n\tpassword: {CORE}\n",
    "an unknown alias": f"{HEAD}stringData: {{password: *{CORE}}}\n",
    "a bad escape": f'{HEAD}stringData: {{password: "{CORE}\\q"}}\n',
    "a duplicate value key": f"{HEAD}stringData: {{password: {CORE}, password: {CORE}2}}\n",
    "a name that the API refuses": f"{HEAD}stringData: {{'bad key': {CORE}}}\n",
    "a control character": f"{HEAD}stringData: {{password: {CORE}\x07}}\n",
    "a broken middle document": f"{GOOD['data']}---\n{HEAD}stringData: {{password: [{CORE}\n---\n{GOOD['data']}",
    "another kind": f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: db}}\ndata: {{password: {CORE}}}\n",
    "text alone": f"{CORE}\n",
    "unfinished JSON": '{"apiVersion": "v1", "kind": "Secret", "stringData": {"password": "' + CORE,
    "JSON and more": GOOD["JSON"] + CORE,
    "bad JSON text": '{"stringData": {"password": "' + CORE + '\x01"}}',
    "not UTF-8": f"{HEAD}stringData: {{password: {CORE}\udcff}}\n",
}

Run = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture
def run(tmp_path: Path, key: SealingKey) -> Run:
    """Run the command in a folder of its own, with certificate and key; what it may not show is searched for."""
    assert key.certificate is not None
    (tmp_path / "cert.pem").write_bytes(key.certificate.pem)
    (tmp_path / "key.pem").write_bytes(key.private_pem().reveal())

    def run(*arguments: str, given: str, may_show: bool = False) -> subprocess.CompletedProcess[bytes]:
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
        with subprocess.Popen(
            [KSEAL, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            env=environment,
        ) as child:
            seen = [*process(child.pid)]
            out, err = child.communicate(given.encode("utf-8", "surrogateescape"), timeout=60)
            done = subprocess.CompletedProcess(arguments, child.returncode, out, err)
        shown = [] if may_show else [Place("standard output", out)]
        assert_absent([*seen, *shown, Place("standard error", err), *files(tmp_path)], CANARY)
        return done

    return run


@pytest.mark.parametrize("form", GOOD)
def test_sealing_shows_no_value(run: Run, form: str) -> None:
    done = run("seal", "--cert", "cert.pem", "-v", "-w", "sealed.yaml", given=GOOD[form])
    assert done.returncode == 0, done.stderr


@pytest.mark.slow  # as a whole
@pytest.mark.parametrize("fault", BAD)
def test_a_refused_input_shows_no_value(run: Run, tmp_path: Path, fault: str) -> None:
    done = run("seal", "--cert", "cert.pem", "-v", "-w", "sealed.yaml", given=BAD[fault])
    assert done.returncode == 1
    assert b"kseal: error: " in done.stderr
    assert not (tmp_path / "sealed.yaml").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--cert", "missing.pem"),
        ("--cert", "key.pem"),
        ("--cert", "cert.pem", "-w", "missing/sealed.yaml"),
        ("--cert", "cert.pem", "--cert-fingerprint", "SHA256:" + "A" * 43),
        ("--cert", "cert.pem", "-n", "other"),
        ("--cert", "cert.pem", "--scope", "sideways"),
        ("--kubeconfig", "missing.yaml"),
    ],
)
def test_a_run_that_fails_for_other_reasons_shows_no_value(run: Run, arguments: tuple[str, ...]) -> None:
    assert run("seal", *arguments, given=GOOD["data"]).returncode in (1, 2)


def test_unsealing_shows_the_value_on_standard_output_alone(run: Run) -> None:
    sealed = run("seal", "--cert", "cert.pem", given=GOOD["data"]).stdout.decode()
    done = run("unseal", "-k", "key.pem", "-v", given=sealed, may_show=True)
    assert ENCODED.encode() in done.stdout


def test_plaintext_refused_inside_a_git_work_tree_is_not_left_there(run: Run, tmp_path: Path) -> None:
    sealed = run("seal", "--cert", "cert.pem", given=GOOD["data"]).stdout.decode()
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    done = run("unseal", "-k", "key.pem", "-w", "plain.yaml", given=sealed)
    assert done.returncode != 0
    assert not (tmp_path / "plain.yaml").exists()
