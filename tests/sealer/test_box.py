"""One value, sealed and opened."""

from base64 import b64decode
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from sealer import box
from sealer.errors import SealError, UnsealError

LABEL = b"myns/myname"


def test_values_sealed_by_the_original_open(vectors: Callable[[str], Any], vector_key: rsa.RSAPrivateKey) -> None:
    cases = vectors("boxes.json")["boxes"]
    assert {case["label"] for case in cases} == {"myns/myname", "myns", ""}
    for case in cases:
        opened = box.open(b64decode(case["sealed"]), vector_key, case["label"].encode())
        assert opened == case["plaintext"].encode()


def test_a_value_of_the_original_opens_under_no_other_label(
    vectors: Callable[[str], Any], vector_key: rsa.RSAPrivateKey
) -> None:
    sealed = b64decode(vectors("boxes.json")["boxes"][0]["sealed"])
    for label in (b"myns", b"", b"myns/other", b"myns/myname/"):
        with pytest.raises(UnsealError):
            box.open(sealed, vector_key, label)


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 512 * 1024])
def test_layout_is_size_wrapped_body(vector_key: rsa.RSAPrivateKey, size: int) -> None:
    value = bytes(size)
    sealed = box.seal(value, vector_key.public_key(), LABEL)
    assert sealed[:2] == (128).to_bytes(2, "big")
    assert len(sealed) == 2 + 128 + size + 16
    assert box.open(sealed, vector_key, LABEL) == value


@given(value=st.binary(max_size=200), label=st.binary(max_size=100))
def test_what_was_sealed_opens(vector_key: rsa.RSAPrivateKey, value: bytes, label: bytes) -> None:
    assert box.open(box.seal(value, vector_key.public_key(), label), vector_key, label) == value


def test_each_value_has_a_fresh_key(vector_key: rsa.RSAPrivateKey) -> None:
    drawn: list[int] = []

    def random(count: int) -> bytes:
        drawn.append(count)
        return bytes([len(drawn)]) * count

    first, second = (box.seal(b"same", vector_key.public_key(), LABEL, random=random) for _ in range(2))
    assert drawn == [32, 32]
    assert first[130:] != second[130:]


@given(cut=st.integers(0, 148), flip=st.integers(0, 7))
def test_altered_values_do_not_open(vector_key: rsa.RSAPrivateKey, cut: int, flip: int) -> None:
    sealed = bytearray(box.seal(b"bar", vector_key.public_key(), LABEL))
    sealed[cut] ^= 1 << flip
    with pytest.raises(UnsealError):
        box.open(bytes(sealed), vector_key, LABEL)
    with pytest.raises(UnsealError):
        box.open(bytes(sealed[:cut]), vector_key, LABEL)


@given(st.binary(max_size=300))
def test_hostile_bytes_end_in_one_error(vector_key: rsa.RSAPrivateKey, hostile: bytes) -> None:
    with pytest.raises(UnsealError):
        box.open(hostile, vector_key, b"")


@pytest.mark.parametrize("sealed", [b"", b"\x00", b"\x00\x80", b"\x00\x80" + bytes(127)])
def test_too_short_is_said(vector_key: rsa.RSAPrivateKey, sealed: bytes) -> None:
    with pytest.raises(UnsealError, match="SealedSecret data is too short"):
        box.open(sealed, vector_key, LABEL)


def test_keys_that_the_original_cannot_use_are_refused() -> None:
    weak = rsa.RSAPublicNumbers(65537, (1 << 1022) | 1).public_key()
    with pytest.raises(SealError, match="1023 bits"):
        box.seal(b"value", weak, LABEL)
