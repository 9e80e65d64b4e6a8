"""`kseal build` and `kseal diff` on files, as they are typed: what is shown, and the exit code."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from sealer.cli import main
from tests.kit.gitserver import GitServer
from tests.kit.workcopy import WorkCopy

IDENTITY = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}
MANIFESTS = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: web, namespace: shop}
data: {host: "${host}"}
---
apiVersion: v1
kind: Secret
metadata: {name: db, namespace: shop}
stringData: {password: hunter2, again: hunter2}
---
apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata: {name: mail, namespace: shop}
spec: {encryptedData: {password: AgBx}}
"""
DELIVERY = """\
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps, namespace: flux-system}
spec:
  interval: 5m
  path: ./apps
  prune: true
  sourceRef: {kind: GitRepository, name: web}
  commonMetadata: {labels: {team: web}}
  postBuild:
    substitute: {host: from-the-spec}
    substituteFrom: [{kind: ConfigMap, name: vars}]
"""


class Said(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def objects(self) -> dict[str, dict[str, Any]]:
        """By kind and name."""
        return {f"{one['kind']}/{one['metadata']['name']}": one for one in yaml.safe_load_all(self.out)}


Kseal = Callable[..., Said]


@pytest.fixture
def kseal(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Kseal:
    """Runs a line in a folder that is no work tree, without any program but git."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str, **environ: str) -> Said:
        capfdbinary.readouterr()
        code = main.call(words, {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **environ})
        out, err = capfdbinary.readouterr()
        return Said(code, out.decode(), err.decode())

    return run


def commit(root: Path) -> None:
    environ = {**os.environ, **IDENTITY, "GIT_CONFIG_GLOBAL": os.devnull}
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "x"]):
        subprocess.run(["git", *words], cwd=root, env=environ, check=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of manifests, and a Kustomization for it."""
    (tmp_path / "apps").mkdir()
    (tmp_path / "apps" / "all.yaml").write_text(MANIFESTS)
    (tmp_path / "delivery.yaml").write_text(DELIVERY)
    return tmp_path


def test_a_file_of_manifests_is_shown_with_its_secrets_masked(folder: Path, kseal: Kseal) -> None:
    said = kseal("build", "apps/all.yaml")
    assert (said.code, said.err) == (0, "")
    assert "hunter2" not in said.out
    values = said.objects["Secret/db"]["stringData"]
    assert values["password"] == values["again"]
    assert said.objects["SealedSecret/mail"]["spec"] == {"encryptedData": {"password": "AgBx"}}


def test_values_are_shown_to_who_asks_for_them(folder: Path, kseal: Kseal) -> None:
    said = kseal("build", "apps/all.yaml", "--show-secrets")
    assert said.objects["Secret/db"]["stringData"]["password"] == "hunter2"


def test_values_are_not_written_into_a_work_tree(folder: Path, kseal: Kseal) -> None:
    commit(folder)
    said = kseal("build", "apps/all.yaml", "--show-secrets", "-w", "out.yaml")
    assert said.code == 2
    assert not (folder / "out.yaml").exists()
    assert kseal("build", "apps/all.yaml", "--show-secrets", "-w", "out.yaml", "--force").code == 0
    assert (folder / "out.yaml").stat().st_mode & 0o777 == 0o600


def test_a_plain_folder_is_built(folder: Path, kseal: Kseal) -> None:
    said = kseal("build", "apps", "-o", "json")
    assert said.code == 0, said.err
    listed = json.loads(said.out)
    assert listed["kind"] == "List"
    assert len(listed["items"]) == 3


def test_variables_are_filled_in(folder: Path, kseal: Kseal) -> None:
    (folder / "a.env").write_text("# of production\nexport host='from a file'\nother=1\n")
    assert kseal("build", "apps/all.yaml").objects["ConfigMap/web"]["data"]["host"] == "${host}"
    filed = kseal("build", "apps/all.yaml", "--env-file", "a.env")
    assert filed.objects["ConfigMap/web"]["data"]["host"] == "from a file"
    told = kseal("build", "apps/all.yaml", "--env-file", "a.env", "--set", "host=told")
    assert told.objects["ConfigMap/web"]["data"]["host"] == "told"


def test_a_variable_without_a_value_is_an_error_unless_it_may_be_missing(folder: Path, kseal: Kseal) -> None:
    said = kseal("build", "apps/all.yaml", "--set", "other=1")
    assert said.code == 1
    assert "host" in said.err
    lenient = kseal("build", "apps/all.yaml", "--set", "other=1", "--lenient")
    assert lenient.objects["ConfigMap/web"]["data"]["host"] in (None, "")


@pytest.mark.parametrize("word", ["host", "=x", "1a=x", "a-b=hunter2"])
def test_what_is_no_variable_is_refused_without_its_value(folder: Path, kseal: Kseal, word: str) -> None:
    said = kseal("build", "apps/all.yaml", "--set", word)
    assert said.code == 2
    assert "hunter2" not in said.err


def test_a_kustomization_says_how_its_folder_is_built(folder: Path, kseal: Kseal) -> None:
    said = kseal("build", "delivery.yaml")
    assert said.code == 0, said.err
    config = said.objects["ConfigMap/web"]
    assert config["data"]["host"] == "from-the-spec"
    assert config["metadata"]["labels"] == {
        "kustomize.toolkit.fluxcd.io/name": "apps",
        "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
        "team": "web",
    }
    assert "substituteFrom: nothing is known here of ConfigMap/vars" in said.err


def test_a_folder_is_built_as_a_kustomization_elsewhere_says(folder: Path, kseal: Kseal) -> None:
    (folder / "other").mkdir()
    (folder / "apps" / "all.yaml").rename(folder / "other" / "all.yaml")
    assert kseal("build", "other", "--kustomization", "delivery.yaml", "--source-root", ".").code == 0
    said = kseal("build", "delivery.yaml")
    assert said.code == 1
    assert "Kustomization/flux-system/apps: spec.path: there is no folder apps" in said.err


def test_of_several_kustomizations_the_one_of_the_folder_counts(folder: Path, kseal: Kseal) -> None:
    other = DELIVERY.replace("name: apps", "name: other").replace("./apps", "./other").replace("from-the", "another")
    (folder / "delivery.yaml").write_text(f"{DELIVERY}---\n{other}")
    (folder / "other").mkdir()
    (folder / "other" / "all.yaml").write_text(MANIFESTS.replace("namespace: shop", "namespace: other"))
    whole = kseal("build", "delivery.yaml", "-o", "json")
    assert len(json.loads(whole.out)["items"]) == 6
    one = kseal("build", "other", "--kustomization", "delivery.yaml", "--source-root", ".")
    assert one.objects["ConfigMap/web"]["data"]["host"] == "another-spec"
    unclear = kseal("build", ".", "--kustomization", "delivery.yaml")
    assert unclear.code == 2
    assert "Kustomization/flux-system/apps, Kustomization/flux-system/other" in unclear.err


def test_what_a_kustomization_lacks_is_said(folder: Path, kseal: Kseal) -> None:
    (folder / "delivery.yaml").write_text(DELIVERY.replace("  interval: 5m\n", ""))
    assert (
        "delivery.yaml: Kustomization/flux-system/apps: spec.interval is missing" in kseal("build", "delivery.yaml").err
    )
    (folder / "delivery.yaml").write_text(DELIVERY.replace("{labels: {team: web}}", "7"))
    said = kseal("build", "delivery.yaml")
    assert said.code == 1
    assert "another type than its kind allows" in said.err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["build"], 2),
        (["build", "a", "b"], 2),
        (["build", "nothing"], 1),
        (["diff"], 2),
        (["diff", "apps"], 2),
        (["diff", "apps", "apps", "--cluster"], 2),
        (["diff", "apps", "--rev", "main"], 2),
        (["diff", "apps", "nothing"], 1),
        (["diff", "apps", "apps", "--for", "ks/apps"], 2),
        (["build", "apps", "--source-root", "/usr"], 2),
    ],
)
def test_a_line_that_cannot_be_meant_is_refused(folder: Path, kseal: Kseal, words: list[str], code: int) -> None:
    said = kseal(*words)
    assert (said.code, said.out) == (code, "")
    assert "kseal: error: " in said.err


def test_two_builds_are_compared(folder: Path, kseal: Kseal) -> None:
    (folder / "new.yaml").write_text(MANIFESTS.replace("password: hunter2", "password: hunter3"))
    same = kseal("diff", "apps/all.yaml", "apps/all.yaml")
    assert (same.code, same.out) == (0, "")
    said = kseal("diff", "apps/all.yaml", "new.yaml")
    assert said.code == 3
    assert said.out.startswith("~ Secret/shop/db configured\n")
    assert said.out.endswith("\n1 configured\n")
    assert "hunter" not in said.out


def test_a_folder_is_compared_with_itself_at_a_revision(folder: Path, kseal: Kseal) -> None:
    commit(folder)
    assert kseal("diff", "apps", "--rev", "HEAD").code == 0
    (folder / "apps" / "more.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more, namespace: shop}\n"
    )
    said = kseal("diff", "apps", "--rev", "main", "-o", "json")
    assert said.code == 3
    assert [one["object"] for one in json.loads(said.out)["objects"]] == ["ConfigMap/shop/more"]
    unknown = kseal("diff", "apps", "--rev", "nothing")
    assert (unknown.code, unknown.out) == (1, "")


def test_a_folder_that_is_new_or_gone_is_compared_too(folder: Path, kseal: Kseal) -> None:
    commit(folder)
    (folder / "apps").rename(folder / "other")
    assert "3 created" in kseal("diff", "other", "--rev", "HEAD").out
    assert "3 deleted" in kseal("diff", "apps", "--rev", "HEAD").out
    assert kseal("diff", "neither", "--rev", "HEAD").code == 2


def test_a_kustomization_is_compared_with_what_it_was(folder: Path, kseal: Kseal) -> None:
    commit(folder)
    (folder / "delivery.yaml").write_text(DELIVERY.replace("team: web", "team: shop"))
    said = kseal("diff", "delivery.yaml", "--rev", "HEAD", "-o", "markdown")
    assert said.code == 3
    assert "**3 configured**" in said.out
    assert "-    team: web\n+    team: shop" in said.out


def test_what_sops_encrypted_stays_so_unless_it_is_decrypted(folder: Path, kseal: Kseal) -> None:
    identity = pytest.importorskip("pyrage").x25519.Identity.generate()
    keys = {"SOPS_AGE_KEY": str(identity)}
    secret = (
        "apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: shop}\nstringData: {a: hunter2, b: hunter2}\n"
    )
    (folder / "apps" / "all.yaml").write_text(secret)
    words = ("--age", str(identity.to_public()), "--encrypted-regex", "^stringData$", "--in-place", "apps/all.yaml")
    assert kseal("sops", "encrypt", *words).code == 0
    encrypted = kseal("build", "apps").objects["Secret/db"]
    assert encrypted["stringData"]["a"].startswith("ENC[AES256_GCM,")
    assert encrypted["sops"]["mac"].startswith("ENC[")
    opened = kseal("build", "apps", "--decrypt", "--show-secrets", **keys).objects["Secret/db"]
    assert opened["stringData"] == {"a": "hunter2", "b": "hunter2"}
    assert "sops" not in opened
    masked = kseal("build", "apps", "--decrypt", **keys)
    assert "hunter2" not in masked.out
    values = masked.objects["Secret/db"]["stringData"]
    assert values["a"] == values["b"]
    keyless = kseal("build", "apps", "--decrypt")
    assert keyless.code == 1
    assert "Secret/shop/db" in keyless.err


def test_no_repository_brings_the_program_that_builds(folder: Path, kseal: Kseal) -> None:
    (folder / "kustomize").write_text("#!/bin/sh\ntouch was-run\n")
    (folder / "kustomize").chmod(0o755)
    (folder / "apps" / "kustomization.yaml").write_text("resources: [all.yaml]\nhelmCharts: [{name: x}]\n")
    said = kseal("build", "apps", PATH=f".:{folder.name}:/usr/bin:/bin")
    assert said.code == 1
    assert not (folder / "was-run").exists()


def test_remote_bases_are_fetched_only_where_that_is_asked_for(folder: Path, kseal: Kseal) -> None:
    (folder / "served").mkdir()
    with GitServer(folder / "served") as server:
        copy = WorkCopy(server, folder / "copy", "base")
        copy.write("web/all.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: remote}\n")
        copy.write("web/kustomization.yaml", "resources: [all.yaml]\n")
        copy.push()
        (folder / "apps" / "all.yaml").unlink()
        (folder / "apps" / "kustomization.yaml").write_text(f"resources: ['{copy.url}//web?ref=main']\n")
        offline = kseal("build", "apps")
        assert offline.code == 1
        assert "is fetched from elsewhere" in offline.err
        assert "or fetch it: --remote-bases" in offline.err
        fetched = kseal("build", "apps", "--remote-bases")
        assert fetched.code == 0, fetched.err
        assert list(fetched.objects) == ["ConfigMap/remote"]


def test_a_missing_program_comes_with_its_cure(folder: Path, kseal: Kseal) -> None:
    (folder / "apps" / "kustomization.yaml").write_text(
        "resources: [all.yaml]\nreplacements:\n- source: {kind: ConfigMap, name: web, fieldPath: data.host}\n"
        "  targets:\n  - select: {kind: ConfigMap}\n    fieldPaths: [metadata.name]\n"
    )
    said = kseal("build", "apps", PATH="/usr/bin-of-nobody")
    assert said.code == 1
    assert "KSEAL_KUSTOMIZE=" in said.err
    named = kseal("build", "apps", KSEAL_KUSTOMIZE="/nowhere/kustomize")
    assert named.code == 2


def test_colours_are_for_terminals(folder: Path, kseal: Kseal) -> None:
    (folder / "new.yaml").write_text(MANIFESTS.replace("name: web", "name: shop"))
    assert "\x1b" not in kseal("diff", "apps/all.yaml", "new.yaml").out
    assert "\x1b[32m" in kseal("diff", "apps/all.yaml", "new.yaml", "--color", "always").out
