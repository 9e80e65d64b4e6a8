"""One value: its text, its types, and what is refused."""

from math import copysign, isnan
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealer.sops.cipher import NONCE_SIZE, Cipher, ValueRefused, plain_bytes
from sealer.sops.tree import Comment, Timestamp, to_text

KEY = bytes([7]) * 32
IV = bytes([1]) * NONCE_SIZE
BAZ = "ENC[AES256_GCM,data:tYOF,iv:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=,tag:9BOGOTbfPuOCQlxHWA9mNw==,type:str]"
AAD = b"foo:bar:"

VALUES = st.one_of(
    st.binary(min_size=1).map(to_text),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.booleans(),
    st.datetimes().map(lambda moment: Timestamp.parse(f"{moment.year:04d}{moment.isoformat()[4:]}Z")),
    st.text(min_size=1).filter(lambda text: text.isprintable()).map(Comment),
)


@pytest.fixture(scope="module")
def cipher() -> Cipher:
    return Cipher(KEY)


def test_the_text_is_that_of_the_published_vector(cipher: Cipher) -> None:
    assert cipher.encrypt("baz", AAD, IV) == BAZ
    assert cipher.decrypt(BAZ, AAD) == "baz"


@settings(max_examples=50, deadline=None)
@given(value=VALUES, aad=st.binary())
def test_every_value_comes_back_with_its_type(cipher: Cipher, value: Any, aad: bytes) -> None:
    back = cipher.decrypt(cipher.encrypt(value, aad, IV), aad)
    assert (type(back), back) == (type(value), value)
    assert not isinstance(value, float) or copysign(1, back) == copysign(1, value)  # type: ignore[arg-type]  # a float


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (True, b"True"),
        (False, b"False"),
        (31, b"31"),
        (-(2**63), b"-9223372036854775808"),
        (1.5, b"1.5"),
        (1.0, b"1"),
        (-0.0, b"-0"),
        (1e21, b"1000000000000000000000"),
        (-1e-7, b"-0.0000001"),
        (5e-324, b"0." + b"0" * 323 + b"5"),
        (float("inf"), b"+Inf"),
        (float("-inf"), b"-Inf"),
        (float("nan"), b"NaN"),
        (Timestamp.parse("2024-01-02T03:04:05.500+02:00"), b"2024-01-02T03:04:05.5+02:00"),
        (Timestamp.parse("2024-01-02T03:04:05+00:00"), b"2024-01-02T03:04:05Z"),
        ("\udcff", b"\xff"),
    ],
)
def test_values_are_spelled_as_go_spells_them(value: Any, plain: bytes) -> None:
    assert plain_bytes(value) == plain


def test_not_a_number_comes_back(cipher: Cipher) -> None:
    back = cipher.decrypt(cipher.encrypt(float("nan"), AAD, IV), AAD)
    assert isinstance(back, float)
    assert isnan(back)


@pytest.mark.parametrize("value", ["", Comment("")])
def test_what_is_empty_stays_empty(cipher: Cipher, value: Any) -> None:
    assert cipher.encrypt(value, AAD, IV) == ""
    assert cipher.decrypt("", AAD) == ""


@pytest.mark.parametrize(("spelling", "answer"), [("1", True), ("t", True), ("TRUE", True), ("0", False), ("f", False)])
def test_other_spellings_of_truth_are_understood(cipher: Cipher, spelling: str, answer: bool) -> None:
    assert cipher.decrypt(cipher.encrypt_bytes(spelling.encode(), "bool", AAD, IV), AAD) is answer


def test_a_nonce_of_another_length_is_understood(cipher: Cipher) -> None:
    assert cipher.decrypt(cipher.encrypt("x", AAD, IV[:12]), AAD) == "x"


def test_text_behind_the_bracket_is_ignored(cipher: Cipher) -> None:
    assert cipher.decrypt(BAZ + " and more", AAD) == "baz"


@pytest.mark.parametrize("cut", range(1, len(BAZ)))
def test_a_text_that_was_cut_is_refused_without_being_quoted(cipher: Cipher, cut: int) -> None:
    with pytest.raises(ValueRefused) as refused:
        cipher.decrypt(BAZ[:cut], AAD)
    assert "AQEB" not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("plain", "not encrypted"),
        ("ENC[AES256_GCM,data:,iv:AQE=,tag:AQE=,type:str]", "not encrypted"),
        (BAZ.replace("data:tYOF", "data:tYOFé"), "not encrypted"),
        (BAZ.replace("data:tYOF", "data:tY*F"), "base64"),
        (BAZ.replace("data:tYOF", "data:\udc80"), "not encrypted"),
        (BAZ.replace("data:tYOF", "data:tYOA"), "changed or moved"),
        (BAZ.replace("tag:9B", "tag:8B"), "changed or moved"),
        (BAZ.replace("iv:AQ", "iv:AA"), "changed or moved"),
        (BAZ.replace(BAZ[28:72], "AQ=="), "not encrypted"),
        (BAZ.replace("type:str", "type:int"), "not a value of its type, int"),
        (BAZ.replace("type:str", "type:strange"), "unknown type"),
    ],
)
def test_a_broken_text_is_refused_with_the_reason(cipher: Cipher, text: str, reason: str) -> None:
    with pytest.raises(ValueRefused, match=reason):
        cipher.decrypt(text, AAD)


@pytest.mark.parametrize(
    ("plain", "kind"),
    [
        *((text, "int") for text in (b"1.5", b"1_0", b" 1", b"9223372036854775808", b"9" * 5000, b"-")),
        *((text, "float") for text in (b"1_0", b" 1", b"x", b"1e999")),
        *((text, "bool") for text in (b"yes", b"tRUE")),
        *((text, "time") for text in (b"2024-01-02", b"2024-13-02T03:04:05Z", b"now")),
    ],
)
def test_bytes_that_are_no_value_of_their_type_are_refused_without_being_quoted(
    cipher: Cipher, plain: bytes, kind: str
) -> None:
    with pytest.raises(ValueRefused, match=f"^not a value of its type, {kind}$"):
        cipher.decrypt(cipher.encrypt_bytes(plain, kind, AAD, IV), AAD)


def test_a_value_is_bound_to_the_keys_that_lead_to_it(cipher: Cipher) -> None:
    with pytest.raises(ValueRefused, match="changed or moved"):
        cipher.decrypt(BAZ, b"foo:baz:")


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, b"bytes", object()])
def test_what_the_format_cannot_hold_is_not_encrypted(cipher: Cipher, value: Any) -> None:
    with pytest.raises(ValueRefused):
        cipher.encrypt(value, AAD, IV)


def test_a_key_of_another_length_is_refused() -> None:
    with pytest.raises(ValueRefused):
        Cipher(b"short")
