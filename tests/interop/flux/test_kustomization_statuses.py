"""Flux's controllers and ours bring the same Kustomizations to the same end: status, objects in the cluster, Events.

All cases are played at once, each in a namespace of its own on either side.
"""

from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.kit.controlplane import ControlPlane
from tests.kit.flux import EQUAL, SHARD, KustomizeController, OurController, SourceController
from tests.kit.fluxground import suspend_everything
from tests.kit.gitclone import Clone
from tests.kit.gitserver import GitServer
from tests.kit.kustomizationcases import CASES
from tests.kit.process import Nest
from tests.kit.sidebyside import Play, Seen
from tests.kit.workcopy import WorkCopy

pytestmark = [pytest.mark.cluster, pytest.mark.interop, pytest.mark.slow, pytest.mark.timeout(600)]

FLAGS: Final = ("--requeue-dependency=1s", "--no-cross-namespace-refs=true")
DEPARTURES: Final[dict[str, dict[str, str]]] = {
    "source-of-another": {"statuses": "a stalled one is observed, or who waits by kstatus waits in vain"},
    "check-without-namespace": {
        "statuses": "the namespace is that of the Kustomization, as the API says",
        "events": "the same",
    },
    "then-edited": {
        "statuses": "the edit is undone at once, which counts",
        "events": "the same",
    },
    "not-decrypted": {"statuses": "what was never tried has no line in the history"},
    "account-forbidden": {
        "objects": "a stage of nothing but new objects is applied in order, and not tried out before",
        "events": "the same",
    },
    "decrypt-by-account": {"statuses": "as source-of-another"},
    "then-depends": {"events": "who is behind for a moment only is not told of"},
    "then-nothing": {"events": "an empty build, which takes everything away, is warned of"},
    "then-valid": {"events": "what was refused is a member, and leaves as one"},
    "then-changed-while-waiting": {"events": "waiting ends with what it was for; Flux waits for its timeout first"},
    "then-committed-while-waiting": {"events": "as then-changed-while-waiting"},
    "then-moved": {"events": "who comes first is a matter of time"},
    "then-taken-and-left": {"events": "who comes first is a matter of time"},
}
"""What ours does otherwise on purpose: by case and by what is compared, the reason. See docs/deliveries.md."""
THEIRS: Final = (*FLAGS, f"--watch-label-selector=!{SHARD}")
_SEALED: Final = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: sealed\ndata:\n  password: aHVudGVyMg==\n"


@pytest.fixture(scope="module")
def play(flux_plane: ControlPlane, git_server: GitServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Play]:
    folder = tmp_path_factory.mktemp("statuses")
    clone = Clone(folder)
    clone.encrypted("sealed.yaml", _SEALED, "--encrypted-regex=^data$")
    play = Play(flux_plane, CASES, str(clone.identity))
    for maker in ("flux", "kseal"):
        copy = WorkCopy(git_server, folder / maker, f"{maker}-fleet")
        play.prepare(maker, copy, clone.read("sealed.yaml"))
    with Nest("statuses") as nest:
        servers = [
            SourceController(nest, flux_plane, limits=EQUAL, flags=[THEIRS[0], THEIRS[2]]),
            KustomizeController(nest, flux_plane, limits=EQUAL, flags=THEIRS),
            OurController(nest, flux_plane, limits=EQUAL, flags=FLAGS, shard="ours"),
        ]
        for server in servers:
            server.start()
        try:
            play.perform(limit_seconds=300)
            yield play
        finally:
            for server in servers:
                server.kill()
            suspend_everything(flux_plane)


def _both(play: Play, name: str) -> tuple[Seen, Seen]:
    ours, theirs = play.seen[name, "kseal"], play.seen[name, "flux"]
    assert (ours.failure, theirs.failure) == ("", "")
    return ours, theirs


@pytest.mark.parametrize("name", CASES)
def test_statuses_are_the_same(play: Play, name: str) -> None:
    ours, theirs = _both(play, name)
    if "statuses" not in DEPARTURES.get(name, {}):
        assert _spoken(name, ours.statuses) == _spoken(name, theirs.statuses)


@pytest.mark.parametrize("name", CASES)
def test_objects_are_the_same(play: Play, name: str) -> None:
    ours, theirs = _both(play, name)
    is_failed = any(_has_failed(status) for status in ours.statuses.values())
    there = {path: raw for path, raw in ours.objects.items() if raw is not None or not is_failed}
    if "objects" not in DEPARTURES.get(name, {}):
        assert there == {path: raw for path, raw in theirs.objects.items() if raw is not None or not is_failed}


@pytest.mark.parametrize("name", CASES)
def test_events_are_the_same(play: Play, name: str) -> None:
    """Ours may say the cure behind the message, and the stages of an apply one by one."""
    ours, theirs = (_lines(seen.events) for seen in _both(play, name))
    if "events" in DEPARTURES.get(name, {}):
        return
    if CASES[name].own_words:
        ours, theirs = (
            {(kind, reason, "" if kind == "Warning" else text) for kind, reason, text in said}
            for said in (ours, theirs)
        )
    cured = {(kind, reason, _without_cure(kind, reason, text, theirs)) for kind, reason, text in ours}
    assert cured == theirs


def _lines(events: set[tuple[str, str, str]]) -> set[tuple[str, str, str]]:
    return {
        (kind, reason, line)
        for kind, reason, text in events
        for line in (text.splitlines() if kind == "Normal" else [text])
    }


def _without_cure(kind: str, reason: str, text: str, theirs: set[tuple[str, str, str]]) -> str:
    return next(
        (other[2] for other in theirs if other[:2] == (kind, reason) and text.startswith(f"{other[2]}; ")), text
    )


def _has_failed(status: dict[str, Any]) -> bool:
    return "ReconciliationFailed" in status["conditions"].get("Ready", ())


def _spoken(name: str, statuses: dict[str, Any]) -> dict[str, Any]:
    """Without the messages of failures where those are the words of other programs, and without what ours knows better:
    members are in the status before they are applied, so that a failed apply leaves none behind that nobody knows."""
    case = CASES[name]
    spoken = {}
    for called, status in statuses.items():
        found = spoken[called] = dict(status)
        if case.own_words:
            found["conditions"] = {
                kind: words if kind == "Reconciling" else (*words[:2], words[3])
                for kind, words in status["conditions"].items()
            }
        if case.is_timed:
            del found["history"]
        if _has_failed(status):
            del found["inventory"]
    return spoken
