"""A Sensitive shows itself to nobody who does not ask for it by name."""

import copy
import json
import logging
import pickle
import traceback

import pytest

from engine.sensitive import REDACTED, Sensitive

PLANTED = b"correct horse"


@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        lambda value: f"{value}",
        lambda value: f"{value!r:>40}".strip(),
        lambda value: f"{value:s}",
        lambda value: "%s" % value,  # noqa: UP031 - the old form is what logging uses
        lambda value: str([value]).strip("[]"),
        lambda value: str({"k": value})[6:-1],
    ],
)
def test_no_way_of_printing_shows_the_value(show) -> None:  # type: ignore[no-untyped-def]  # lambdas have no types
    shown = show(Sensitive(PLANTED))
    assert "horse" not in shown
    assert REDACTED.strip("[]") in shown


def test_a_log_line_and_a_traceback_do_not_show_the_value(caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise ValueError(Sensitive(PLANTED))
    except ValueError:
        logging.getLogger("test").exception("refused: %s", Sensitive(PLANTED))
        printed = traceback.format_exc()
    assert "horse" not in caplog.text + printed
    assert REDACTED in caplog.text


def test_reveal_gives_the_bytes_and_len_their_number() -> None:
    assert Sensitive(PLANTED).reveal() == PLANTED
    assert len(Sensitive(PLANTED)) == len(PLANTED)


def test_two_with_the_same_bytes_are_equal() -> None:
    assert Sensitive(PLANTED) == Sensitive(bytes(PLANTED))
    assert Sensitive(PLANTED) != Sensitive(PLANTED + b"!")


def test_bytes_are_not_equal_to_it_so_that_a_plain_comparison_is_noticed() -> None:
    assert Sensitive(PLANTED) != PLANTED
    assert Sensitive(PLANTED).__eq__(PLANTED) is NotImplemented


def test_it_cannot_be_hashed() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(Sensitive(PLANTED))


@pytest.mark.parametrize("leak", [pickle.dumps, copy.copy, copy.deepcopy])
def test_it_does_not_leave_by_pickling_or_copying(leak) -> None:  # type: ignore[no-untyped-def]  # any callable
    with pytest.raises(TypeError, match="never pickled"):
        leak(Sensitive(PLANTED))


def test_json_refuses_it() -> None:
    with pytest.raises(TypeError):
        json.dumps({"password": Sensitive(PLANTED)})


def test_it_has_no_attributes_to_list() -> None:
    assert not hasattr(Sensitive(PLANTED), "__dict__")
