"""From an error to what happens next."""

import pytest

from controller.errors import Immutable, NotOurs
from controller.runtime.outcome import MESSAGE_LIMIT, ErrorReason, EventType, failed, unsealed
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
    assert failed(error, ErrorReason.UPDATE).retry == retry


@pytest.mark.parametrize(
    ("at", "event", "text"),
    [
        (ErrorReason.FETCH, None, ""),
        (ErrorReason.STATUS, None, ""),
        (ErrorReason.UNSEAL, "ErrUnsealFailed", "Failed to unseal: broken"),
        (ErrorReason.UPDATE, "ErrUpdateFailed", "broken"),
    ],
)
def test_the_step_that_failed_decides_on_the_event(at: ErrorReason, event: str | None, text: str) -> None:
    outcome = failed(Stalled("broken"), at)
    assert (outcome.ready, outcome.error_reason, outcome.message) == (False, at, "broken")
    if event is None:
        assert outcome.notice is None
    else:
        assert outcome.notice is not None
        assert (outcome.notice.type, outcome.notice.reason, outcome.notice.message) == (EventType.WARNING, event, text)


@pytest.mark.parametrize("at", list(ErrorReason))
def test_a_foreign_secret_is_unmanaged_wherever_it_is_noticed(at: ErrorReason) -> None:
    outcome = failed(NotOurs("Secret/shop/db: not ours"), at)
    assert outcome.error_reason is ErrorReason.UNMANAGED
    assert outcome.notice is not None
    assert outcome.notice.reason == "ErrUpdateFailed"


def test_the_cure_stands_behind_the_message() -> None:
    assert failed(Stalled("no key", "restore one"), ErrorReason.UNSEAL).message == "no key; restore one"


def test_long_messages_are_cut() -> None:
    message = failed(Stalled("x" * 100_000), ErrorReason.UNSEAL).message
    assert len(message) == MESSAGE_LIMIT
    assert message.endswith("…")


def test_only_a_change_is_news() -> None:
    assert unsealed(changed=False).notice is None
    news = unsealed(changed=True).notice
    assert news is not None
    assert (news.type, news.reason, news.message) == (
        EventType.NORMAL,
        "Unsealed",
        "SealedSecret unsealed successfully",
    )
    assert unsealed(changed=True).ready
