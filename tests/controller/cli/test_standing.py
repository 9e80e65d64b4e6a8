"""How an object stands, read from its status."""

from typing import Any

import pytest

from controller.cli import standing
from controller.cli.kinds import EXTERNAL_ARTIFACT, GIT_REPOSITORY, KUSTOMIZATION, RECEIVER
from controller.cli.standing import Outcome
from sealer.cli.misuse import Misused

COMMIT = "1eabc9a41ca088515cab83f1cce49eb43e84b67f"
DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


def kustomization(
    *, ready: str | None = "True", reason: str = "ReconciliationSucceeded", observed: int = 2, **more: Any
) -> dict[str, Any]:
    """A Kustomization of generation 2; fields of `more` are of the status."""
    condition = {"type": "Ready", "status": ready, "reason": reason, "message": f"Applied revision: main@sha1:{COMMIT}"}
    return {
        "metadata": {"namespace": "flux-system", "name": "apps", "generation": 2},
        "spec": {"suspend": False},
        "status": {"observedGeneration": observed, "conditions": [condition] if ready else [], **more},
    }


def test_a_row_has_the_columns_of_flux() -> None:
    obj = kustomization(lastAppliedRevision=f"main@sha1:{COMMIT}")
    assert standing.row(KUSTOMIZATION, obj, with_namespace=False, with_kind=False) == (
        "apps", "main@sha1:1eabc9a4", "False", "True", "Applied revision: main@sha1:1eabc9a4",
    )  # fmt: skip
    assert standing.heading(with_namespace=True) == (
        "NAMESPACE", "NAME", "REVISION", "SUSPENDED", "READY", "MESSAGE",
    )  # fmt: skip


def test_a_row_among_several_kinds_and_namespaces_says_which() -> None:
    row = standing.row(KUSTOMIZATION, kustomization(), with_namespace=True, with_kind=True)
    assert row[:3] == ("flux-system", "kustomization/apps", "-")


@pytest.mark.parametrize(
    "obj", [{}, {"status": None}, {"status": {"conditions": "x"}}, {"status": {"conditions": [3]}}]
)
def test_what_nobody_has_looked_at_waits(obj: dict[str, Any]) -> None:
    row = standing.row(GIT_REPOSITORY, obj, with_namespace=False, with_kind=False)
    assert row == ("", "-", "False", "False", "waiting to be reconciled")


def test_a_kind_without_revisions_or_suspension_has_dashes_there() -> None:
    assert standing.row(RECEIVER, kustomization(), with_namespace=False, with_kind=False)[1] == "-"
    assert standing.row(EXTERNAL_ARTIFACT, kustomization(), with_namespace=False, with_kind=False)[2] == "-"


def test_hashes_are_cut_and_other_words_are_not() -> None:
    text = f"main@sha1:{COMMIT} sha256:{DIGEST} deadbeef {COMMIT}0"
    assert standing.short(text) == f"main@sha1:1eabc9a4 sha256:9f86d081 deadbeef {COMMIT}0"


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        (kustomization(), Outcome.READY),
        (kustomization(observed=1), Outcome.WORKING),
        (kustomization(ready=None), Outcome.WORKING),
        (kustomization(ready="Unknown", reason="Progressing"), Outcome.WORKING),
        (kustomization(ready="False", reason="BuildFailed"), Outcome.FAILED),
        (kustomization(ready="False", reason="DependencyNotReady"), Outcome.WORKING),
    ],
)
def test_an_outcome_is_of_the_present_generation(obj: dict[str, Any], expected: Outcome) -> None:
    assert standing.outcome(obj) is expected


@pytest.mark.parametrize(("ready", "reconciling", "is_so"), [("Unknown", "True", True), ("False", "True", False)])
def test_a_controller_at_work_is_told_from_one_that_is_not_there(ready: str, reconciling: str, is_so: bool) -> None:
    obj = kustomization(ready=ready, reason="Progressing")
    assert not standing.is_at_work(obj)
    obj["status"]["conditions"].append({"type": "Reconciling", "status": reconciling})
    assert standing.is_at_work(obj) is is_so


@pytest.mark.parametrize(("generation", "expected"), [(1, Outcome.WORKING), (2, Outcome.FAILED)])
def test_a_generation_that_never_succeeded_has_failed_all_the_same(generation: int, expected: Outcome) -> None:
    obj = kustomization(ready="False", reason="BuildFailed", observed=-1)
    obj["status"]["conditions"][0]["observedGeneration"] = generation
    assert standing.outcome(obj) is expected


@pytest.mark.parametrize(
    ("handled", "annotated", "expected"),
    [
        ("", "now", Outcome.WORKING),
        ("before", "now", Outcome.WORKING),
        ("now", "now", Outcome.READY),
        ("later", "later", Outcome.READY),
        ("before", "later", Outcome.WORKING),
    ],
)
def test_a_request_has_to_be_handled(handled: str, annotated: str, expected: Outcome) -> None:
    obj = kustomization(lastHandledReconcileAt=handled)
    obj["metadata"]["annotations"] = {standing.REQUESTED_AT: annotated}
    assert standing.outcome(obj, requested="now") is expected


@pytest.mark.parametrize(
    ("selector", "is_shown"),
    [
        ("ready=true", True),
        ("Ready=TRUE", True),
        ("ready=false", False),
        ("ready!=true", False),
        ("stalled=true", False),
        ("stalled!=true", True),
    ],
)
def test_a_condition_selects(selector: str, is_shown: bool) -> None:
    assert standing.status_selector(selector).fits(kustomization()) is is_shown


@pytest.mark.parametrize("selector", ["ready", "=true", "!=true", "ready="])
def test_a_selector_that_is_none_is_refused(selector: str) -> None:
    with pytest.raises(Misused):
        standing.status_selector(selector)


def test_the_source_of_a_kustomization_is_in_its_own_namespace_unless_it_says_so() -> None:
    obj = kustomization()
    obj["spec"]["sourceRef"] = {"kind": "GitRepository", "name": "web"}
    assert str(KUSTOMIZATION.source_of(obj)) == "GitRepository/flux-system/web"
    obj["spec"]["sourceRef"]["namespace"] = "sources"
    assert str(KUSTOMIZATION.source_of(obj)) == "GitRepository/sources/web"
    assert GIT_REPOSITORY.source_of(obj) is None


@pytest.mark.parametrize(
    ("reached", "is_met"), [("new", True), ("newer", True), ("old", False), ("failed", False), ("", False)]
)
def test_an_object_has_to_come_to_the_revision_of_its_source_or_beyond(reached: str, is_met: bool) -> None:
    assert standing.Target("new", ("old", "failed")).is_met(reached) is is_met


def test_nothing_new_is_met_by_what_was_there() -> None:
    assert standing.Target("old", ("old", "")).is_met("old")
