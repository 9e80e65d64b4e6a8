"""The same Secret, sealed by kubeseal and by kseal, gives the same document but for the ciphertext; and each program
opens what the other sealed. The cases are what people put into Secrets, and what goes wrong in encoders."""

import json
import os
import re
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from sealer.keys import generate

pytestmark = pytest.mark.interop

SCOPES = ("strict", "namespace-wide", "cluster-wide")


def b64(value: bytes) -> str:
    return b64encode(value).decode()


def secret(metadata: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """A raw Secret `shop/db`."""
    whole = {"name": "db", "namespace": "shop"} | (metadata or {})
    return {"apiVersion": "v1", "kind": "Secret", "metadata": whole} | fields


WIDE, WIDER = "sealedsecrets.bitnami.com/namespace-wide", "sealedsecrets.bitnami.com/cluster-wide"
LAST_APPLIED = ("kubectl.kubernetes.io/last-applied-configuration", "kubecfg.ksonnet.io/last-applied-configuration")
# Texts that an encoder of YAML has to think about. Not among them: `<<`, and line separators between letters, which
# the original writes so that readers do not get them back (engine/kube/yaml_strings.py).
WORDS = (
    *(
        "true",
        "y",
        "NO",
        "null",
        "~",
        "1e3",
        "0x1f",
        "0o7",
        ".5",
        "1_000",
        "2001-01-01",
        "1:30",
        "",
        "=",
        "|",
        ">",
        "é",
    ),
    *(
        "-a",
        "- a",
        "a:b",
        "a: b",
        "a:",
        " b",
        "b ",
        "a #b",
        "#c",
        "%a",
        "@b",
        "!c",
        "&d",
        "*e",
        "?f",
        "? g",
        "{g",
        "[h",
    ),
    *("]", ",", "`i", "'j'", '"k"', "a\tb", "a\nb", "\n"),
)


def annotated(annotations: dict[str, str]) -> dict[str, Any]:
    return secret({"annotations": annotations}, stringData={"a": "b"})


CASES = {
    "plain": secret(data={"password": b64(b"hunter2")}),
    "several": secret(data={"b": b64(b"1"), "a": b64(b"2"), "C": b64(b"3"), ".x": b64(b"4"), "a-b_c.d": b64(b"5")}),
    "binary": secret(data={"all": b64(bytes(range(256)))}),
    "empty value": secret(data={"none": "", "null": None}, stringData={"text": ""}),
    "large": secret(data={"half": b64(bytes(range(256)) * 2048)}),
    "unicode": secret({"annotations": {"note": "grüße 🔑 \u202e \u2028"}}, stringData={"k": "päss wörd 🔑\n"}),
    "string data wins": secret(data={"a": b64(b"old"), "b": b64(b"kept")}, stringData={"a": "new"}),
    "type": secret(type="kubernetes.io/tls", stringData={"tls.crt": "x", "tls.key": "y"}),
    "immutable": secret(immutable=True, stringData={"a": "b"}),
    "not immutable": secret(immutable=False, stringData={"a": "b"}),
    "labels": secret(
        {"labels": {"z": "", "a.b/c": "D-1", "yes": "no", "n": "1.0", "on": "null"}}, stringData={"a": ""}
    ),
    "html": annotated({"a": "<b>&'\"\\ \t\u0001"}),
    "long lines": annotated({"a": "word " * 60, "b": "x" * 300, "c": "line\nline\n\n", "d": " lead"}),
    "words of YAML": annotated({f"k{number}": word for number, word in enumerate(WORDS)}),
    "server fields": secret(
        {
            **dict.fromkeys(["creationTimestamp", "deletionTimestamp"], "2026-01-02T03:04:05Z"),
            "uid": "5a1b",
            "resourceVersion": "7",
            "generation": 2,
            "selfLink": "/x",
            "deletionGracePeriodSeconds": 3,
            "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "1"}],
            "annotations": {"kept": "yes"} | dict.fromkeys(LAST_APPLIED, "{}"),
            "finalizers": ["example.com/hold"],
        },
        stringData={"a": "b"},
    ),
    "only last applied": annotated({LAST_APPLIED[0]: "{}"}),
    "nulls": secret(dict.fromkeys(["creationTimestamp", "labels", "annotations"]), stringData={"a": "b"}, type=None),
    "annotated wide": annotated({WIDE: "true"}),
    "annotated both": annotated({WIDE: "true", WIDER: "true"}),
    "annotated false": annotated({WIDER: "false"}),
    "dotted name": secret({"name": "a.b-1.c"}, stringData={"a": "b"}),
}


class Programs(NamedTuple):
    """Both programs, in a folder with one key pair."""

    run: Callable[..., bytes]
    kubeseal: str
    kseal: tuple[str, ...]

    def seal(self, by: str, *raws: dict[str, Any], flags: tuple[str, ...] = ()) -> bytes:
        """Secrets sealed by one run of `kubeseal` or `kseal`."""
        program = [self.kubeseal] if by == "kubeseal" else [*self.kseal, "seal"]
        return self.run(*program, "--cert", "cert.pem", *flags, input="\n".join(map(json.dumps, raws)).encode())

    def unseal(self, by: str, document: bytes) -> dict[str, Any]:
        """The plain Secret of one document, opened by `kubeseal` or `kseal`."""
        (opened,) = self.unseal_all(by, document)
        return opened

    def unseal_all(self, by: str, documents: bytes) -> list[dict[str, Any]]:
        """The plain Secrets of a run, as both would write them if they had the same habits; kubeseal opens only one."""
        program = [self.kubeseal, "--recovery-unseal"] if by == "kubeseal" else [*self.kseal, "unseal", "-o", "json"]
        stream = self.run(*program, "--recovery-private-key", "key.pem", input=documents).decode()
        opened: list[dict[str, Any]] = list(map(json.loads, re.split(r"(?m)^(?=\{$)", stream)[1:]))
        for one in opened:
            one["metadata"].pop("ownerReferences", None)  # the original writes one without a uid
            one["data"] = {key: value or "" for key, value in one["data"].items()}  # Go writes empty bytes as null
        return opened


@pytest.fixture(scope="module")
def programs(program: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Programs:
    """kubeseal and kseal, with a key pair."""
    folder = tmp_path_factory.mktemp("interop")
    key = generate(2048, ttl=timedelta(days=1), common_name="", now=datetime.now(UTC))
    assert key.certificate is not None
    (folder / "cert.pem").write_bytes(key.certificate.pem)
    (folder / "key.pem").write_bytes(key.private_pem().reveal())

    def run(*command: str, input: bytes) -> bytes:  # noqa: A002  # subprocess's word
        environ = {"PATH": os.environ["PATH"], "HOME": str(folder)}
        done = subprocess.run(
            command, input=input, cwd=folder, env=environ, capture_output=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    ours = (sys.executable, "-c", "from sealer.cli.main import main; main()")
    return Programs(run, str(program("kubeseal")), ours)


@pytest.fixture(scope="module")
def sealed(programs: Programs) -> Callable[..., bytes]:
    """One case sealed by one program: `sealed(by, case, scope, form)`. All cases of a kind are sealed in one run."""
    runs: dict[tuple[str, str, str], dict[str, bytes]] = {}

    def find(by: str, case: str, scope: str, form: str) -> bytes:
        if (by, scope, form) not in runs:
            stream = programs.seal(by, *CASES.values(), flags=("-o", form, "--scope", scope))
            documents = re.split(rb"(?m)^(?=---$)" if form == "yaml" else rb"(?m)^(?=\{$)", stream)[1:]
            runs[by, scope, form] = dict(zip(CASES, documents, strict=True))
        return runs[by, scope, form][case]

    return find


@pytest.fixture(scope="module")
def opened_by_us(programs: Programs, sealed: Callable[..., bytes]) -> Callable[[str, str], dict[str, Any]]:
    """What kseal makes of a case that kubeseal sealed. All cases of a scope are opened in one run."""
    runs: dict[str, dict[str, dict[str, Any]]] = {}

    def find(case: str, scope: str) -> dict[str, Any]:
        if scope not in runs:
            documents = b"".join(sealed("kubeseal", name, scope, "json") for name in CASES)
            runs[scope] = dict(zip(CASES, programs.unseal_all("kseal", documents), strict=True))
        return runs[scope][case]

    return find


def without_ciphertext(document: bytes) -> str:
    """The document with every sealed value replaced by its length."""
    text = document.decode()
    return re.sub(r"\bAQ[A-D][A-Za-z0-9+/]{300,}={0,2}", lambda found: f"<{len(found[0])}>", text)


@pytest.mark.parametrize("form", ["json", "yaml"])
@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("case", CASES)
def test_documents_are_equal_to_the_byte(sealed: Callable[..., bytes], case: str, scope: str, form: str) -> None:
    theirs, ours = (without_ciphertext(sealed(by, case, scope, form)) for by in ("kubeseal", "kseal"))
    assert ours == theirs
    assert re.search(r"<\d{3,}>", ours)


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("case", CASES)
def test_each_opens_what_the_other_sealed(
    programs: Programs,
    sealed: Callable[..., bytes],
    opened_by_us: Callable[[str, str], dict[str, Any]],
    case: str,
    scope: str,
) -> None:
    by_theirs = programs.unseal("kubeseal", sealed("kseal", case, scope, "yaml"))
    by_ours = opened_by_us(case, scope)
    assert by_ours == by_theirs
    assert by_ours["data"] == expected_data(CASES[case])


def expected_data(raw: dict[str, Any]) -> dict[str, str]:
    """What the Secret has to hold in the end."""
    plain = {key: b64(text.encode()) for key, text in raw.get("stringData", {}).items()}
    return {key: value or "" for key, value in raw.get("data", {}).items()} | plain


@pytest.mark.parametrize(
    "flags", [("-n", "shop"), ("--namespace=s", "--name", "x"), ("-n", "s", "--scope", "cluster-wide")]
)
def test_names_and_namespaces_given_by_flags_are_equal(programs: Programs, flags: tuple[str, ...]) -> None:
    bare = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "stringData": {"a": "b"}}
    theirs, ours = (programs.seal(by, bare, flags=flags) for by in ("kubeseal", "kseal"))
    assert without_ciphertext(ours) == without_ciphertext(theirs)


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_empty_data_is_equal_where_it_is_allowed(programs: Programs, form: str) -> None:
    theirs, ours = (
        programs.seal(by, secret(), flags=("--allow-empty-data", "-o", form)) for by in ("kubeseal", "kseal")
    )
    assert ours == theirs


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_streams_of_yaml_are_equal(programs: Programs, form: str) -> None:
    stream = "".join(
        f"---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: db{number}\n  namespace: shop\nstringData: {{a: b}}\n"
        for number in range(5)
    )
    flags = ("--cert", "cert.pem", "-o", form)
    theirs = programs.run(programs.kubeseal, *flags, input=stream.encode())
    ours = programs.run(*programs.kseal, "seal", *flags, input=stream.encode())
    assert without_ciphertext(ours) == without_ciphertext(theirs)


def test_a_document_of_an_older_kubeseal_opens(programs: Programs) -> None:
    document = json.loads(programs.seal("kubeseal", CASES["plain"]))
    document["metadata"]["creationTimestamp"] = None
    document["spec"]["template"]["metadata"]["creationTimestamp"] = None
    assert programs.unseal("kseal", json.dumps(document).encode())["data"] == {"password": b64(b"hunter2")}


@pytest.mark.parametrize("by", ["kubeseal", "kseal"])
def test_both_refuse_what_was_changed_after_sealing(programs: Programs, by: str) -> None:
    document = programs.seal("kubeseal", CASES["plain"])
    with pytest.raises(AssertionError, match=r"no key could decrypt secret \(password\)"):
        programs.unseal(by, document.replace(b'"db"', b'"other"'))
