"""The history of a Kustomization: five attempts, equal ones counted."""

from datetime import UTC, datetime, timedelta

from controller.flux.history import LIMIT, Attempt, with_attempt

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


def attempt(digest: str, status: str = "ReconciliationSucceeded", minutes: int = 0) -> Attempt:
    return Attempt(digest, status, NOW + timedelta(minutes=minutes), timedelta(seconds=2), {"revision": f"r{minutes}"})


def test_the_first_attempt_is_written_whole() -> None:
    assert with_attempt(None, attempt("sha256:a"), "2s") == [
        {
            "digest": "sha256:a",
            "firstReconciled": "2026-11-01T12:00:00Z",
            "lastReconciled": "2026-11-01T12:00:00Z",
            "lastReconciledDuration": "2s",
            "lastReconciledStatus": "ReconciliationSucceeded",
            "totalReconciliations": 1,
            "metadata": {"revision": "r0"},
        }
    ]


def test_the_same_digest_and_status_are_counted_and_come_first() -> None:
    history = with_attempt(None, attempt("sha256:a"), "2s")
    history = with_attempt(history, attempt("sha256:b", minutes=1), "2s")
    history = with_attempt(history, attempt("sha256:a", minutes=2), "3s")
    assert [found["digest"] for found in history] == ["sha256:a", "sha256:b"]
    assert history[0]["totalReconciliations"] == 2
    assert history[0]["firstReconciled"] == "2026-11-01T12:00:00Z"
    assert history[0]["lastReconciled"] == "2026-11-01T12:02:00Z"
    assert history[0]["metadata"] == {"revision": "r2"}


def test_the_same_digest_with_another_end_is_another_entry() -> None:
    history = with_attempt(None, attempt("sha256:a"), "2s")
    history = with_attempt(history, attempt("sha256:a", "HealthCheckFailed", 1), "2s")
    assert [found["lastReconciledStatus"] for found in history] == ["HealthCheckFailed", "ReconciliationSucceeded"]


def test_the_oldest_go() -> None:
    history: object = None
    for number in range(LIMIT + 2):
        history = with_attempt(history, attempt(f"sha256:{number}", minutes=number), "2s")
    assert isinstance(history, list)
    assert [found["digest"] for found in history] == [f"sha256:{number}" for number in range(LIMIT + 1, 1, -1)]


def test_what_is_no_history_counts_as_none() -> None:
    assert len(with_attempt("nonsense", attempt("sha256:a"), "2s")) == 1
    assert len(with_attempt([None, 3], attempt("sha256:a"), "2s")) == 1
