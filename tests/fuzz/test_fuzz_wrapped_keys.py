"""`targets/wrapped_keys.py` under examination; a file for each target, so that they run beside each other."""

import pytest

from tests.fuzz import exam


def test_no_stored_crasher_breaks_a_rule_again() -> None:
    exam.replay("wrapped_keys")


@pytest.mark.slow
def test_random_inputs_break_no_rule() -> None:
    exam.try_random_inputs("wrapped_keys")


@pytest.mark.slow
def test_inputs_led_by_coverage_break_no_rule() -> None:
    exam.try_guided_inputs("wrapped_keys")
