"""From an error to what happens next."""

from typing import Any

import pytest

from controller.errors import Immutable, NotOurs
from controller.runtime.outcome import TEXT_LIMIT, Outcome, Phase, failed
from engine.errors import KsealError, NotReady, Stalled
from engine.kube.errors import Conflict, Forbidden, Invalid, TooLarge, TooManyRequests, Unreachable


@pytest.mark.parametrize(
    ("error", "retry"),
    [
        (KsealError("x"), None),
        (Stalled("x"), None),
        (Immutable("x"), None),
        (NotOurs("x"), None),
        (TooLarge("x"), None),
        (NotReady("x"), "backoff"),
        (NotReady("x", retry_after=0.0), 0.0),
        (NotReady("x", retry_after=30.0), 30.0),
        (Forbidden("x"), "backoff"),
        (Invalid("x"), "backoff"),
        (Conflict("x"), "backoff"),
        (Unreachable("x"), "backoff"),
        (TooManyRequests("x", retry_after=7.0), 7.0),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, KsealError) else str(value),
)
def test_the_kind_of_error_says_when_to_look_again(error: KsealError, retry: object) -> None:
    assert failed(error, Phase.UPDATE).retry == retry


@pytest.mark.parametrize(
    ("at", "event", "text"),
    [
        (Phase.FETCH, None, ""),
        (Phase.STATUS, None, ""),
        (Phase.UNSEAL, "ErrUnsealFailed", "Failed to unseal: broken; mend it"),
        (Phase.UPDATE, "ErrUpdateFailed", "broken; mend it"),
    ],
)
def test_the_step_that_failed_decides_on_the_event(at: Phase, event: str | None, text: str) -> None:
    outcome = failed(Stalled("broken", "mend it"), at)
    assert (outcome.ready, outcome.error_reason, outcome.message, outcome.hint) == (False, at, "broken", "mend it")
    if event is None:
        assert outcome.event is None
    else:
        assert outcome.event is not None
        assert (outcome.event.type, outcome.event.reason, outcome.event.message) == ("Warning", event, text)


@pytest.mark.parametrize("at", list(Phase))
def test_a_foreign_secret_is_unmanaged_wherever_it_is_noticed(at: Phase) -> None:
    outcome = failed(NotOurs("Secret/shop/db: not ours"), at)
    assert outcome.error_reason is Phase.UNMANAGED
    assert outcome.event is not None
    assert outcome.event.reason == "ErrUpdateFailed"


def test_the_condition_has_the_originals_words_and_the_event_the_cure_too() -> None:
    outcome = failed(NotOurs('Resource "db" is not ours', "annotate it"), Phase.UPDATE)
    assert outcome.condition_message == 'failed update: Resource "db" is not ours'
    assert outcome.event is not None
    assert outcome.event.message == 'Resource "db" is not ours; annotate it'


def test_long_texts_are_cut() -> None:
    text = failed(Stalled("x" * 100_000), Phase.UNSEAL).condition_message
    assert len(text) == TEXT_LIMIT
    assert text.endswith("…")


@pytest.mark.parametrize(
    ("action", "changed"), [("created", True), ("updated", True), ("unchanged", False), ("", False)]
)
def test_only_a_write_is_a_change(action: Any, changed: bool) -> None:
    assert Outcome(ready=True, action=action).changed is changed


def test_a_conclusion_that_still_holds_has_changed_nothing() -> None:
    assert Outcome(ready=True, action="created").unchanged() == Outcome(ready=True, action="unchanged")
    broken = failed(Stalled("x"), Phase.UNSEAL)
    assert broken.unchanged() == broken
