"""The real source-controller and ours say the same of the same GitRepositories: conditions, revisions, observations.

The real one works on those without a shard; ours is done step by step on those that have one.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from engine.kube.refs import EVENTS
from tests.kit.controlplane import ControlPlane
from tests.kit.flux import SHARD, SourceController
from tests.kit.gitserver import USER
from tests.kit.process import Nest, wait_until
from tests.kit.sourceground import CountedGit, SourceGround, source_ground
from tests.kit.sshserver import new_key
from tests.kit.workcopy import WorkCopy

pytestmark = [pytest.mark.cluster, pytest.mark.interop]

PASSWORD: Final = "correct-horse"
LOGIN: Final = {"secretRef": {"name": "login"}}

GOOD: dict[str, dict[str, Any]] = {
    "branch": {},
    "tag": {"ref": {"tag": "v1.0.0"}},
    "tag-of-an-object": {"ref": {"tag": "v1.1.0"}},
    "range": {"ref": {"semver": ">=1.0.0 <1.1.0"}},
    "name": {"ref": {"name": "refs/heads/main"}},
    "name-of-a-tag": {"ref": {"name": "refs/tags/v1.0.0"}},
    "commit": {"ref": {"commit": "COMMIT"}},
    "commit-of-a-branch": {"ref": {"branch": "main", "commit": "COMMIT"}},
    "commit-before-all": {"ref": {"branch": "main", "tag": "v1.0.0", "semver": "*", "commit": "COMMIT"}},
    "ignore": {"ignore": "/*\n!/apps\n"},
    "sparse": {"sparseCheckout": ["./apps"]},
    "include": {"include": [{"repository": {"name": "branch"}, "fromPath": "apps", "toPath": "lib"}]},
    "include-file": {
        "include": [{"repository": {"name": "branch"}, "fromPath": "apps/web.yaml", "toPath": "lib/web.yaml"}]
    },
    "include-whole": {"include": [{"repository": {"name": "branch"}}]},
}
SIGNED: dict[str, dict[str, Any]] = {
    f"signed-{mode.lower()}-{ref}": {
        "url": "SIGNED",
        "ref": {"branch": "main"} if ref == "branch" else {"tag": "v2.0.0"},
        "verify": {"mode": mode, "secretRef": {"name": "signer"}},
    }
    for mode, ref in (("HEAD", "branch"), ("head", "tag"), ("Tag", "tag"), ("TagAndHEAD", "tag"))
}
BAD: dict[str, dict[str, Any]] = {
    "signed-by-another": {"url": "SIGNED", "verify": {"mode": "HEAD", "secretRef": {"name": "keys"}}},
    "no-secret": {"secretRef": {"name": "none"}},
    "no-branch": {"ref": {"branch": "none"}},
    "default-branch": {"ref": None},
    "no-tag": {"ref": {"tag": "none"}},
    "no-version": {"ref": {"semver": ">=9.0.0"}},
    "bad-range": {"ref": {"semver": "latest"}},
    "no-name": {"ref": {"name": "refs/pull/1/head"}},
    "bad-name": {"ref": {"name": "refs/heads/main/"}},
    "no-commit": {"ref": {"commit": "0" * 40}},
    "no-folder": {"sparseCheckout": ["none"]},
    "no-include": {"include": [{"repository": {"name": "none"}}]},
    "include-without-artifact": {"include": [{"repository": {"name": "no-branch"}}]},
    "include-of-nothing": {"include": [{"repository": {"name": "branch"}, "fromPath": "none"}]},
    "wrong-password": {"secretRef": {"name": "wrong"}},
    "password-alone": {"secretRef": {"name": "nobody"}},
    "app-without-provider": {"secretRef": {"name": "app"}},
    "provider-without-app": {"provider": "github"},
    "provider-without-secret": {"provider": "github", "secretRef": None},
    "unsigned": {"verify": {"mode": "HEAD", "secretRef": {"name": "keys"}}},
    "unsigned-tag": {"ref": {"tag": "v1.1.0"}, "verify": {"mode": "Tag", "secretRef": {"name": "keys"}}},
    "tag-mode-of-a-branch": {"verify": {"mode": "Tag", "secretRef": {"name": "keys"}}},
    "no-keys": {"verify": {"mode": "HEAD", "secretRef": {"name": "none"}}},
}
CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "then-suspended": ({}, {"suspend": True}),
    "then-another-tag": ({"ref": {"tag": "v1.0.0"}}, {"ref": {"tag": "v1.1.0"}}),
    "then-the-branch-of-that-tag": ({"ref": {"tag": "v1.0.0"}}, {"ref": {"tag": None, "branch": "main"}}),
    "then-other-rules": ({"ignore": "/*\n!/apps\n"}, {"ignore": "/apps\n"}),
    "then-no-rules": ({"ignore": "/*\n!/apps\n"}, {"ignore": None}),
    "then-sparse": ({}, {"sparseCheckout": ["apps"]}),
    "then-unsigned": ({}, {"verify": {"mode": "HEAD", "secretRef": {"name": "keys"}}}),
    "then-without-a-log-in": ({}, {"secretRef": {"name": "app"}}),
    "then-stalled": ({}, {"provider": "github", "secretRef": None}),
    "then-without-stall": (
        {"provider": "github", "secretRef": None},
        {"provider": None, "secretRef": {"name": "login"}},
    ),
    "then-with-its-folder": ({"sparseCheckout": ["none"]}, {"sparseCheckout": ["apps"]}),
}
OWN_WORDS: Final = {
    "no-secret",
    "no-branch",
    "default-branch",
    "no-tag",
    "bad-range",
    "no-name",
    "no-folder",
    "no-include",
    "include-of-nothing",
    "wrong-password",
    "no-keys",
    "signed-by-another",
}
KEY: Final = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"


class Pair:
    """Each repository twice: NAME for the real controller, ours-NAME for ours."""

    def __init__(self, ground: SourceGround, fleet: WorkCopy, signed: WorkCopy) -> None:
        self.ground = ground
        self.fleet = fleet
        self.signed = signed

    def make(self, name: str, spec: dict[str, Any]) -> None:
        """Both of them."""
        spec = {**LOGIN, "url": self.fleet.url, **spec}
        if spec["url"] == "SIGNED":
            spec["url"] = self.signed.url
        if "COMMIT" in str(spec):
            spec["ref"] = {**spec["ref"], "commit": self.fleet.git("rev-parse", "HEAD~1")}
        includes = spec.pop("include", ())
        for before, labels in (("", {}), ("ours-", {SHARD: "ours"})):
            renamed = [{**one, "repository": {"name": before + one["repository"]["name"]}} for one in includes]
            self.ground.make(f"{before}{name}", labels=labels, **{**spec, "include": renamed or None})

    def change(self, name: str, spec: dict[str, Any]) -> None:
        """Both of them."""
        for called in (name, f"ours-{name}"):
            self.ground.change(called, **spec)

    def theirs(self, name: str, generation: int = 1) -> dict[str, Any]:
        """What the real one says when it has come to a conclusion, between two tries."""
        last: dict[str, Any] = {}

        def has_spoken() -> bool:
            nonlocal last
            before, last = last, self.ground.status(name)
            found = {one["type"]: one for one in last.get("conditions", [])}
            is_over = found.get("Ready", {}).get("status") in {"True", "False"} and generation in {
                last.get("observedGeneration"),
                found["Ready"].get("observedGeneration"),
            }
            # It writes a status in several steps.
            return is_over and found.get("Reconciling", {}).get("reason") != "Progressing" and last == before

        wait_until(has_spoken, f"{name} is judged", limit_seconds=60, every_seconds=0.15)
        return told(last)

    def ours(self, name: str) -> dict[str, Any]:
        """What ours says."""
        self.ground.look(f"ours-{name}")
        return told(self.ground.status(f"ours-{name}"))


def told(status: dict[str, Any]) -> dict[str, Any]:
    """A status without what differs between two objects: names, times, bytes of the archive."""
    conditions = {
        one["type"]: (one["status"], one["reason"], one["message"].replace("ours-", ""), one["observedGeneration"])
        for one in status.get("conditions", [])
    }
    artifact = {
        field: value.replace("ours-", "")
        for field, value in status.get("artifact", {}).items()
        if field in {"path", "revision"}
    }
    hidden = {"conditions", "artifact", "includedArtifacts", "observedInclude"}
    rest = {field: value for field, value in status.items() if field not in hidden}
    included = [one["revision"] for one in status.get("includedArtifacts", [])]
    return {**rest, "conditions": conditions, "artifact": artifact, "included": included}


@pytest.fixture(scope="module")
def pair(flux_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("statuses")
    (folder / "host").mkdir()
    namespace = flux_plane.create_namespace()
    with (
        CountedGit(folder / "host", password=PASSWORD) as host,
        source_ground(flux_plane, namespace, folder / "data") as ground,
        Nest("statuses") as nest,
    ):
        fleet = WorkCopy(host, folder / "copy", "fleet")
        _fill(fleet)
        signed = WorkCopy(host, folder / "signed", "signed")
        ground.secret("signer", **{"author.sshpub": _fill_signed(signed, folder / "signer")})
        ground.secret("login", username=USER, password=PASSWORD)
        ground.secret("wrong", username=USER, password="wrong")
        ground.secret("nobody", password=PASSWORD)
        ground.secret("app", githubAppID="7", username=USER, password=PASSWORD)
        ground.secret("keys", **{"author.sshpub": KEY})
        server = SourceController(nest, flux_plane, flags=[f"--watch-label-selector=!{SHARD}"])
        server.start()
        try:
            pair = Pair(ground, fleet, signed)
            everything = {**GOOD, **SIGNED, **BAD}
            for name, spec in everything.items():
                if "include" not in spec:
                    pair.make(name, spec)
            pair.theirs("branch")  # or it looks again only after half a minute
            pair.ours("branch")
            for name, spec in everything.items():
                if "include" in spec:
                    pair.make(name, spec)
            yield pair
        finally:
            server.kill()


def _fill(fleet: WorkCopy) -> None:
    fleet.write("apps/web.yaml", "kind: ConfigMap\n")
    fleet.write("README.md", "about\n")
    fleet.push("first")
    fleet.tag("v1.0.0")
    fleet.write("apps/web.yaml", "kind: Secret\n")
    fleet.push("second")
    fleet.git("tag", "--annotate", "--message=signed by nobody", "v1.1.0")
    fleet.git("push", "--quiet", str(fleet.bare), "refs/tags/v1.1.0")
    fleet.write("third.yaml", "kind: Service\n")
    fleet.push("third")


def _fill_signed(signed: WorkCopy, key: Path) -> str:
    """One commit and one tag, signed by a new SSH key; its public half."""
    new_key(key)
    signed.write("web.yaml", "kind: ConfigMap\n")
    for name, value in (("gpg.format", "ssh"), ("user.signingkey", str(key)), ("commit.gpgsign", "true")):
        signed.git("config", name, value)
    signed.push("signed")
    signed.git("tag", "--sign", "--message=signed", "v2.0.0")
    signed.git("push", "--quiet", str(signed.bare), "refs/tags/v2.0.0")
    return key.with_name(f"{key.name}.pub").read_text()


@pytest.mark.parametrize("name", [*GOOD, *SIGNED])
def test_what_can_be_fetched_is_said_word_for_word(pair: Pair, name: str) -> None:
    assert pair.ours(name) == pair.theirs(name)


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_fetched_has_the_same_conditions_and_reasons(pair: Pair, name: str) -> None:
    """And the same words, but where these are those of go-git or of the API server."""
    ours, theirs = pair.ours(name), pair.theirs(name)
    if name in OWN_WORDS:
        for said in (ours, theirs):
            said["conditions"] = {
                kind: words if kind == "Reconciling" else (*words[:2], words[3])
                for kind, words in said["conditions"].items()
            }
    assert ours == theirs


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_spec_is_answered_alike(pair: Pair, name: str) -> None:
    before, after = CHANGES[name]
    pair.make(name, before)
    pair.ours(name)
    pair.theirs(name)
    pair.change(name, after)
    assert pair.ours(name) == pair.theirs(name, generation=2)


def test_a_new_artifact_and_a_failure_are_told_by_the_same_events(pair: Pair) -> None:
    for name, reason in (("branch", "NewArtifact"), ("unsigned", "InvalidCommitSignature")):
        pair.ground.told.take()
        pair.theirs(name)
        events = pair.ground.cluster.list(
            EVENTS, pair.ground.namespace, field_selector=f"involvedObject.name={name},reason={reason}"
        )
        theirs = next(events)
        pair.ground.make(f"ours-told-{name}", **_as_it_is(pair, name))
        pair.ground.look(f"ours-told-{name}")
        (ours,) = pair.ground.told.events
        assert (ours.type, ours.reason) == (theirs["type"], theirs["reason"])
        assert ours.message.partition("; ")[0] == theirs["message"]  # behind it stands the cure, where there is one
        assert ours.component == theirs["source"]["component"]
        assert {*ours.annotations} == {*(theirs["metadata"].get("annotations") or {})}


def _as_it_is(pair: Pair, name: str) -> dict[str, Any]:
    raw = pair.ground.find(name)
    assert raw is not None
    return {"labels": {SHARD: "ours"}, **raw["spec"]}
