"""The search for planted values finds each form of them."""

import base64
import json
import urllib.parse

import pytest

from tests.kit.leaks import Canary, Place, assert_absent

CANARY = Canary()


SHOWN = {
    "raw": CANARY.value,
    "base64": base64.b64encode(CANARY.value),
    "base64 behind one byte": base64.b64encode(b"x" + CANARY.value),
    "base64 behind two bytes": base64.b64encode(b"xy" + CANARY.value),
    "base64url": base64.urlsafe_b64encode(CANARY.value),
    "hex": CANARY.value.hex().encode(),
    "HEX": CANARY.value.hex().upper().encode(),
    "URL": urllib.parse.quote(CANARY.value).encode(),
    "JSON": json.dumps({"a": CANARY.text}).encode(),
    "Python bytes": repr(CANARY.value).encode(),
    "numbers": str(list(CANARY.value)).encode(),
    "a part of it": CANARY.value[10:-3],
}


@pytest.mark.parametrize("form", SHOWN)
def test_every_form_is_found(form: str) -> None:
    shown = SHOWN[form]
    with pytest.raises(AssertionError, match="found in somewhere"):
        assert_absent([Place("elsewhere", b"nothing"), Place("somewhere", b"before " + shown + b" after")], CANARY)


def test_the_failure_does_not_show_the_value() -> None:
    with pytest.raises(AssertionError) as caught:
        assert_absent([Place("somewhere", CANARY.value)], CANARY)
    assert not CANARY.found_in(str(caught.value).encode())


def test_what_is_not_there_is_not_found() -> None:
    assert_absent([Place("somewhere", base64.b64encode(Canary().value))], CANARY)
