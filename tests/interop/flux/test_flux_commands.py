"""The real `flux` command line, as people and their scripts use it, against a cluster that is delivered to."""

import subprocess

import pytest
import yaml

from tests.kit import flux
from tests.kit.fluxground import FluxGround
from tests.kit.process import wait_until

pytestmark = [pytest.mark.cluster, pytest.mark.interop]

ALL = ("infrastructure", "web-staging", "web-production")
LEVEL = "apps/web/overlays/staging/level.yaml"


@pytest.fixture
def delivered(ground: FluxGround) -> FluxGround:
    """The reference scenario, delivered."""
    ground.begin()
    ground.wait_ready("kustomization", *ALL)
    return ground


def _flux(ground: FluxGround, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return flux.command_line(ground.plane, *words, namespace=ground.namespace, check=check)


def _columns(text: str) -> list[list[str]]:
    """The cells of a table; a tab ends each."""
    return [[cell.strip() for cell in line.rstrip("\t").split("\t")] for line in text.splitlines() if line.strip()]


def test_get_shows_sources_and_kustomizations(delivered: FluxGround) -> None:
    revision = delivered.repository.revision
    short = f"{revision[:-40]}{revision[-40:][:8]}"
    assert _columns(_flux(delivered, "get", "sources", "git").stdout) == [
        ["NAME", "REVISION", "SUSPENDED", "READY", "MESSAGE"],
        ["fleet", short, "False", "True", f"stored artifact for revision '{short}'"],
    ]
    rows = _columns(_flux(delivered, "get", "kustomizations").stdout)
    assert sorted(rows[1:]) == [[name, short, "False", "True", f"Applied revision: {short}"] for name in sorted(ALL)]


def test_get_tells_of_all_kinds_together(delivered: FluxGround) -> None:
    said = _flux(delivered, "get", "all").stdout
    assert "gitrepository/fleet" in said
    assert "kustomization/web-staging" in said


def test_reconcile_with_source_brings_the_newest_commit(delivered: FluxGround) -> None:
    delivered.repository.edit(LEVEL, "debug", "trace")
    delivered.repository.push()
    done = _flux(delivered, "reconcile", "kustomization", "web-staging", "--with-source", "--timeout=1m")
    assert f"applied revision {delivered.repository.revision}" in done.stderr
    assert delivered.level(delivered.names.staging) == "trace"


def test_reconcile_fetches_a_source(delivered: FluxGround) -> None:
    delivered.repository.edit(LEVEL, "debug", "trace")
    delivered.repository.push()
    done = _flux(delivered, "reconcile", "source", "git", "fleet", "--timeout=1m")
    assert f"fetched revision {delivered.repository.revision}" in done.stderr
    delivered.wait_ready("kustomization", *ALL)


def test_what_is_suspended_stands_still_until_it_is_resumed(delivered: FluxGround) -> None:
    _flux(delivered, "suspend", "kustomization", "web-staging")
    (row,) = _columns(_flux(delivered, "get", "kustomizations", "web-staging", "--no-header").stdout)
    assert row[2] == "True"
    old = delivered.repository.revision
    delivered.repository.edit(LEVEL, "debug", "trace")
    delivered.deliver()
    delivered.wait_ready("kustomization", "web-production")
    assert delivered.revision("kustomization", "web-staging") == old
    done = _flux(delivered, "resume", "kustomization", "web-staging", "--timeout=1m")
    assert f"applied revision {delivered.repository.revision}" in done.stderr
    assert delivered.level(delivered.names.staging) == "trace"


def test_a_suspended_source_gives_nothing_new_until_it_is_resumed(delivered: FluxGround) -> None:
    _flux(delivered, "suspend", "source", "git", "fleet")
    old = delivered.repository.revision
    delivered.repository.edit(LEVEL, "debug", "trace")
    delivered.repository.push()
    value = delivered.request("kustomization", "web-staging")
    delivered.wait_handled("kustomization", "web-staging", value=value)
    assert delivered.revision("kustomization", "web-staging") == old
    done = _flux(delivered, "resume", "source", "git", "fleet", "--timeout=1m")
    assert f"fetched revision {delivered.repository.revision}" in done.stderr
    delivered.wait_ready("kustomization", *ALL)


def test_tree_shows_what_a_kustomization_owns(delivered: FluxGround) -> None:
    name = delivered.names.staging
    assert _flux(delivered, "tree", "kustomization", "web-staging").stdout.strip().splitlines() == [
        f"Kustomization/{delivered.namespace}/web-staging",
        f"├── Service/{name}/web",
        f"├── Deployment/{name}/web",
        f"└── Ingress/{name}/web",
    ]


def test_events_tell_what_was_done(delivered: FluxGround) -> None:
    def said() -> str:
        return _flux(delivered, "events", "--for=Kustomization/web-staging").stdout

    wait_until(lambda: "ReconciliationSucceeded" in said(), "the event is there")
    assert f"Deployment/{delivered.names.staging}/web created" in said()
    wait_until(
        lambda: "NewArtifact" in _flux(delivered, "events", "--for=GitRepository/fleet").stdout, "the event is there"
    )


def test_build_shows_what_would_be_applied(delivered: FluxGround) -> None:
    folder = delivered.repository.folder / "apps/web/overlays/staging"
    said = _flux(delivered, "build", "kustomization", "web-staging", f"--path={folder}").stdout
    kinds = [one["kind"] for one in yaml.safe_load_all(said) if one]
    assert sorted(kinds) == ["Deployment", "Ingress", "Service"]


def test_diff_ends_with_one_where_there_are_changes(delivered: FluxGround) -> None:
    folder = delivered.repository.folder / "apps/web/overlays/staging"
    words = ("diff", "kustomization", "web-staging", f"--path={folder}", "--progress-bar=false")
    same = _flux(delivered, *words, check=False)
    assert (same.returncode, same.stdout) == (0, ""), same.stderr
    delivered.repository.edit(LEVEL, "debug", "trace")
    changed = _flux(delivered, *words, check=False)
    assert changed.returncode == 1, changed.stderr
    assert f"Deployment/{delivered.names.staging}/web drifted" in changed.stdout
