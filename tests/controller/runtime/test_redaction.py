"""Planted secrets and where they must not come out."""

import base64
import time
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.runtime.redaction import TEXT_LIMIT, described, safe_text, shown
from engine.errors import KsealError, Stalled
from engine.kube.refs import ObjectRef
from engine.sensitive import REDACTED, Sensitive

PLANT = "hunter2-planted"
PEM = f"-----BEGIN RSA PRIVATE KEY-----\n{PLANT}\n-----END RSA PRIVATE KEY-----\n"
JWT = "eyJhbGciOiJSUzI1NiIs.eyJzdWIiOiJodW50ZXIyIn0.c2lnbmF0dXJl"
TELLING_NAMES = """data stringData string_data encryptedData body token bearer_token Authorization PASSWORD
    tls.key private-key clientKey Set-Cookie api_key""".split()  # noqa: SIM905 - a table of words


class Anything:
    def __repr__(self) -> str:
        return PLANT


class Colour(Enum):
    RED = "red"


def raised(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as caught:  # noqa: BLE001 - it is what we were given
        return caught


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (7, 7),
        (1.5, 1.5),
        ("shop", "shop"),
        (Colour.RED, "red"),
        (PurePosixPath("/etc/x"), "/etc/x"),
        (timedelta(seconds=90), 90.0),
        (datetime(2026, 7, 29, tzinfo=UTC), "2026-07-29T00:00:00+00:00"),
        (ObjectRef("", "Secret", "shop", "db"), "Secret/shop/db"),
        (["a", 1], ["a", 1]),
        ({"name": "a", "n": 1}, {"name": "a", "n": 1}),
        (Stalled("Secret/shop/db: not ours"), "Secret/shop/db: not ours"),
    ],
)
def test_names_and_numbers_are_shown(value: object, expected: object) -> None:
    assert shown(value) == expected


@pytest.mark.parametrize(
    "value",
    [PLANT.encode(), bytearray(PLANT.encode()), memoryview(PLANT.encode()), Sensitive(PLANT.encode()), Anything()],
)
def test_content_is_hidden_whatever_its_name(value: object) -> None:
    assert PLANT not in repr(shown(value))
    assert PLANT not in repr(shown({"some": [value]}))


@pytest.mark.parametrize(
    "name",
    TELLING_NAMES,
)
@pytest.mark.parametrize("value", [PLANT, {"password": PLANT}, [PLANT], 1234])
def test_values_of_telling_names_are_hidden_at_every_depth(name: str, value: object) -> None:
    assert shown(value, name=name) == REDACTED
    assert shown({"metadata": [{name: value}]}) == {"metadata": [{name: REDACTED}]}


@pytest.mark.parametrize(
    "text",
    [
        f'{{"kind": "Secret", "data": {{"password": "{PLANT}"}}}}',
        f"{{'stringData': {{'password': '{PLANT}'}}}}",
        f"kind: Secret\nstringData:\n  password: {PLANT}\n",
        f"map[kind:Secret data:map[password:{PLANT}]]",
        f'Secret "db" is invalid: data[password]: Invalid value: "{PLANT}": too long',
        f"Authorization: Bearer {PLANT}",
        f"got basic {PLANT}==",
        f"https://user:{PLANT}@proxy:3128/",
        f"proxy=http://:{PLANT}@proxy",
        PEM,
        f"cannot parse {PEM!r}",
    ],
)
def test_texts_lose_what_looks_like_a_secret(text: str) -> None:
    assert PLANT not in safe_text(text)
    assert REDACTED in safe_text(text)
    assert PLANT not in safe_text("x" * (TEXT_LIMIT - 20) + text)


@pytest.mark.parametrize("text", [JWT, f"token {JWT}.", base64.b64encode(bytes(range(100))).decode()])
def test_texts_lose_tokens_and_long_encodings(text: str) -> None:
    assert REDACTED in safe_text(text)
    assert "eyJzdWIi" not in safe_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "Secret/shop/db: no key opens 'password' (tried 3)",
        "SHA256:sDyoQadRESMqharZC+y3dRxPr24mhHJIwSH2kx4tkCE",
        "sha256:" + "0123456789abcdef" * 4,
        "a" * 253,
        "the field data.password is missing",
        "https://10.0.0.1:443/api/v1/secrets?limit=500",
        "2026-07-29T12:30:45Z",
    ],
)
def test_harmless_texts_stay_as_they_are(text: str) -> None:
    assert safe_text(text) == text


def test_long_texts_are_cut() -> None:
    assert safe_text("x" * 10_000) == "x" * TEXT_LIMIT + "…"
    assert len(safe_text("y" * 5000 + '"data": {"a": 1}')) <= TEXT_LIMIT + len(REDACTED)


@pytest.mark.parametrize("piece", ["a", "aA", "eyJa.", "://a:", "Bearer ", '"data": ', "data:map", "-----BEGIN ", "a/"])
def test_no_text_is_slow_to_search(piece: str) -> None:
    text = piece * 20_000
    started = time.process_time()
    for _ in range(10):
        safe_text(text)
    assert time.process_time() - started < 1.0


def test_large_and_deep_values_are_cut() -> None:
    assert len(shown(list(range(10_000)))) <= 100
    deep: Any = PLANT
    for _ in range(50):
        deep = [deep]
    assert PLANT not in repr(shown(deep))


def test_foreign_exceptions_show_type_and_place_only() -> None:
    text = described(raised(ValueError(PLANT)))
    assert PLANT not in text
    assert text.startswith("ValueError at runtime/test_redaction.py:")


def test_an_operating_system_error_shows_its_code() -> None:
    assert described(FileNotFoundError(2, "no such file", PLANT)) == "FileNotFoundError ENOENT"


def test_our_errors_show_their_message_and_the_type_of_their_cause() -> None:
    def fail() -> None:
        try:
            raise ValueError(PLANT)
        except ValueError as error:
            raise KsealError("Secret/shop/db: broken") from error

    with pytest.raises(KsealError) as caught:
        fail()
    text = described(caught.value)
    assert PLANT not in text
    assert text.startswith("Secret/shop/db: broken <- ValueError at runtime/test_redaction.py:")


def test_an_endless_chain_of_causes_ends() -> None:
    first, second = ValueError("a"), ValueError("b")
    first.__cause__, second.__cause__ = second, first
    assert described(first).count("ValueError") <= 4


HIDDEN = st.sampled_from(["data", "stringData", "token", "authorization", "db_password"])
SECRETS = st.sampled_from([PLANT, PLANT.encode(), Sensitive(PLANT.encode()), ValueError(PLANT), Anything(), PEM])
CARRIERS = st.one_of(
    st.tuples(HIDDEN, st.recursive(SECRETS, lambda inner: st.dictionaries(st.text(), inner) | st.lists(inner))),
    st.tuples(st.text(), SECRETS.filter(lambda value: value != PLANT)),
)
STRUCTURES = st.recursive(
    CARRIERS.map(lambda pair: {pair[0]: pair[1]}),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, st.integers()),
)


@given(STRUCTURES)
def test_a_planted_secret_comes_out_of_no_structure(value: object) -> None:
    assert PLANT not in repr(shown(value))


@given(st.text())
def test_every_text_has_a_safe_form(text: str) -> None:
    assert isinstance(safe_text(text), str)
