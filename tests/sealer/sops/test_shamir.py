"""Shamir's scheme: any threshold of shares gives the secret, and what does not fit together is refused."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealer.sops import shamir


def test_the_vector_of_the_contract() -> None:
    assert shamir.split(b"\x42", 2, 2, random=lambda _: b"\x13") == [b"\x51\x01", b"\x64\x02"]
    assert shamir.combine([b"\x64\x02", b"\x51\x01"]) == b"\x42"


@settings(max_examples=25)
@given(st.binary(min_size=1, max_size=33), st.integers(2, 5), st.integers(0, 3))
def test_any_threshold_of_shares_and_any_more_give_the_secret(secret: bytes, threshold: int, more: int) -> None:
    shares = shamir.split(secret, threshold + more, threshold)
    assert [(len(share), share[-1]) for share in shares] == [(len(secret) + 1, x + 1) for x in range(threshold + more)]
    for count in range(threshold, len(shares) + 1):
        for chosen in itertools.islice(itertools.combinations(reversed(shares), count), 4):
            assert shamir.combine(chosen) == secret


def test_fewer_shares_tell_nothing() -> None:
    """With one share too few, each value of the secret is as likely as any other: some coefficient leads to it."""
    (share, *_) = shamir.split(b"\x42", 2, 2, random=lambda _: b"\x13")
    others = {shamir.combine([share, bytes([y, 2])]) for y in range(256)}
    assert len(others) == 256


def test_as_many_shares_as_there_are_places() -> None:
    shares = shamir.split(b"secret", 255, 3)
    assert shamir.combine([shares[0], shares[127], shares[254]]) == b"secret"


@pytest.mark.parametrize(("shares", "threshold"), [(1, 1), (2, 1), (2, 3), (256, 2), (3, 0)])
def test_numbers_out_of_range_are_refused(shares: int, threshold: int) -> None:
    with pytest.raises(ValueError, match="shares"):
        shamir.split(b"secret", shares, threshold)


@pytest.mark.parametrize(
    "shares", [[], [b"a\x01"], [b"a\x01", b"bc\x02"], [b"a\x01", b"b\x01"], [b"a\x01", b"b\x00"], [b"\x01", b"\x02"]]
)
def test_shares_that_do_not_belong_together_are_refused(shares: list[bytes]) -> None:
    with pytest.raises(ValueError, match="shares"):
        shamir.combine(shares)
