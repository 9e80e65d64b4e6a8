"""kseal's own verbs over deliveries that are really made, by Flux's controllers and by ours."""

import json
import subprocess

import pytest

from tests.kit.fluxground import FluxGround
from tests.kit.process import wait_until
from tests.kit.running import KSEAL

pytestmark = [pytest.mark.cluster, pytest.mark.interop]

ALL = ("infrastructure", "web-staging", "web-production")
STAGING = "apps/web/overlays/staging"
LEVEL = f"{STAGING}/level.yaml"


@pytest.fixture
def delivered(ground: FluxGround) -> FluxGround:
    """The reference scenario, delivered."""
    ground.begin()
    ground.wait_ready("kustomization", *ALL)
    return ground


def kseal(ground: FluxGround, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [str(KSEAL), *words, f"--kubeconfig={ground.plane.kubeconfig}", f"--namespace={ground.namespace}"]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=120, cwd=ground.repository.folder
    )


def rows(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("   ") if cell.strip()] for line in text.splitlines()]


def short(revision: str) -> str:
    return f"{revision[:-40]}{revision[-40:][:8]}"


def test_get_shows_what_is_delivered(delivered: FluxGround) -> None:
    revision = short(delivered.repository.revision)
    shown = rows(kseal(delivered, "get").stdout)
    assert shown[0] == ["NAME", "REVISION", "SUSPENDED", "READY", "MESSAGE"]
    assert [row[:4] for row in shown[1:]] == [
        [f"gitrepository/{name}" if name == "fleet" else f"kustomization/{name}", revision, "False", "True"]
        for name in ("fleet", *sorted(ALL))
    ]


def test_a_sync_with_its_source_brings_the_newest_commit(delivered: FluxGround) -> None:
    delivered.repository.edit(LEVEL, "debug", "trace")
    delivered.repository.push()
    done = kseal(delivered, "sync", "ks/web-staging", "--with-source", "--timeout=1m")
    assert done.returncode == 0, done.stderr
    assert rows(done.stdout)[1][1:3] == [short(delivered.repository.revision), "ready"]
    assert delivered.level(delivered.names.staging) == "trace"


def test_a_sync_that_fails_says_why(delivered: FluxGround) -> None:
    delivered.repository.write_all({LEVEL: "apiVersion: apps/v1\nkind: Nothing\nmetadata: {name: web}\n"})
    delivered.repository.push()
    done = kseal(delivered, "sync", "ks/web-staging", "--with-source", "--timeout=1m")
    assert done.returncode == 1
    assert f"Kustomization/{delivered.namespace}/web-staging: BuildFailed: " in done.stderr


def test_resuming_waits_until_all_is_applied(delivered: FluxGround) -> None:
    assert kseal(delivered, "suspend", "ks/web-staging").returncode == 0
    delivered.repository.edit(LEVEL, "debug", "trace")
    delivered.deliver()
    delivered.wait_ready("kustomization", "web-production")
    assert delivered.level(delivered.names.staging) == "debug"
    done = kseal(delivered, "resume", "ks/web-staging", "--wait", "--timeout=1m")
    assert done.returncode == 0, done.stderr
    assert delivered.level(delivered.names.staging) == "trace"


def test_what_is_delivered_does_not_differ_from_its_folder(delivered: FluxGround) -> None:
    done = kseal(delivered, "diff", STAGING, "--cluster", "--for", "ks/web-staging")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_a_commit_would_change_is_shown_before(delivered: FluxGround) -> None:
    delivered.repository.edit(LEVEL, "debug", "trace")
    delivered.repository.write("apps/web/base/kustomization.yaml", "resources: [deployment.yaml, service.yaml]\n")
    done = kseal(delivered, "diff", STAGING, "--cluster", "--for", "ks/web-staging", "-o", "json")
    assert done.returncode == 3, done.stderr
    shown = {one["object"]: one["change"] for one in json.loads(done.stdout)["objects"]}
    where = delivered.names.staging
    assert shown == {f"Deployment/{where}/web": "configured", f"Ingress/{where}/web": "deleted"}
    revision = kseal(delivered, "diff", STAGING, "--rev", "HEAD")
    assert revision.returncode == 3, revision.stderr
    assert "-          value: debug" in revision.stdout


def test_events_tell_what_was_done(delivered: FluxGround) -> None:
    shown = kseal(delivered, "events", "--for", "ks/web-staging").stdout
    assert f"Deployment/{delivered.names.staging}/web created" in shown


def test_the_tree_shows_what_is_owned_and_how_it_stands(delivered: FluxGround) -> None:
    def shown() -> list[str]:
        done = kseal(delivered, "tree", "ks/web-staging", "--compact")
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    where = delivered.names.staging
    wait_until(lambda: f"├── Deployment/{where}/web Current" in shown(), "the Deployment is healthy")
    assert shown() == [
        f"Kustomization/{delivered.namespace}/web-staging Current",
        f"├── Service/{where}/web Current",
        f"├── Deployment/{where}/web Current",
        f"└── Ingress/{where}/web Current",
    ]
    whole = kseal(delivered, "tree", "ks/web-staging").stdout
    assert f"│   └── ReplicaSet/{where}/web-" in whole
    assert f"│       └── Pod/{where}/web-" in whole
