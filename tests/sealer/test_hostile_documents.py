"""Whatever stands in a document: a result or one of our errors, never another exception."""

import io
import json
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import KsealError
from sealer.cli import main
from sealer.keys import SealingKey
from sealer.ring import KeyRing
from sealer.sealedsecret import parse, seal_secret, unseal_secret

TEXT = st.one_of(st.text(max_size=8), st.sampled_from(["true", "db", "aGk=", "\ud800", "a b", "../x", "\x1b[2J"]))
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=6,
)
METADATA = st.fixed_dictionaries(
    {},
    optional={
        "name": st.one_of(st.just("db"), JSON),
        "namespace": st.one_of(st.just("shop"), JSON),
        "labels": st.one_of(st.just({"a": "b"}), JSON),
        "annotations": st.one_of(st.just({"sealedsecrets.bitnami.com/cluster-wide": "true"}), JSON),
        "finalizers": JSON,
        "uid": JSON,
    },
)


def objects(
    kind: str, api_version: str, fields: dict[str, st.SearchStrategy[Any]]
) -> st.SearchStrategy[dict[str, Any]]:
    """Objects that are nearly of a kind."""
    return st.fixed_dictionaries(
        {"kind": st.just(kind), "apiVersion": st.just(api_version)},
        optional={"metadata": st.one_of(METADATA, JSON), "surplus": JSON} | fields,
    )


SECRETS = objects(
    "Secret",
    "v1",
    {
        "data": st.one_of(st.just({"a": "Yg=="}), JSON),
        "stringData": st.one_of(st.just({"a": "b"}), JSON),
        "type": JSON,
        "immutable": JSON,
    },
)
SEALED = objects(
    "SealedSecret",
    "bitnami.com/v1alpha1",
    {
        "spec": st.one_of(
            JSON,
            st.fixed_dictionaries(
                {},
                optional={
                    "encryptedData": st.one_of(st.dictionaries(TEXT, TEXT, max_size=2), JSON),
                    "data": JSON,
                    "template": st.one_of(
                        JSON,
                        st.fixed_dictionaries(
                            {}, optional={"metadata": METADATA, "type": JSON, "immutable": JSON, "data": JSON}
                        ),
                    ),
                },
            ),
        )
    },
)


def outcome(work: Callable[[], object]) -> str:
    """`done`, or the message of one of our errors. Anything else is a failure of the test."""
    try:
        work()
    except KsealError as error:
        return error.message
    return "done"


@given(SECRETS)
def test_sealing(key: SealingKey, raw: dict[str, Any]) -> None:
    assert outcome(lambda: seal_secret(raw, key.private_key.public_key()))


@given(SEALED)
def test_unsealing(key: SealingKey, raw: dict[str, Any]) -> None:
    assert outcome(lambda: unseal_secret(parse(raw), KeyRing([key])))


class Binary(io.StringIO):
    """Standard output, of which the program uses the bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.buffer = io.BytesIO()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, key: SealingKey) -> Path:
    assert key.certificate is not None
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "cert.pem").write_bytes(key.certificate.pem)
    (folder / "key.pem").write_bytes(key.private_pem().reveal())
    return folder


@given(raw=st.one_of(SECRETS, SEALED, JSON), flags=st.lists(st.sampled_from(["--name=x", "-nshop", "-oyaml", "-v"])))
def test_the_command_line(folder: Path, raw: object, flags: list[str]) -> None:
    (folder / "in.json").write_text(json.dumps(raw))
    for words in (
        ["seal", f"--cert={folder}/cert.pem", *flags],
        ["unseal", f"-k{folder}/key.pem", *(flag for flag in flags if flag in ("-oyaml", "-v"))],
    ):
        output, errors = Binary(), io.StringIO()
        with redirect_stdout(output), redirect_stderr(errors):
            code = main.call([*words, str(folder / "in.json")], {})
        said = errors.getvalue()
        assert "internal error" not in said
        assert (code == 0) is ("kseal: error: " not in said)
        assert (code == 0) is (output.buffer.getvalue() != b"")
        assert all(line.startswith("kseal: ") and line.isprintable() for line in said.splitlines())
