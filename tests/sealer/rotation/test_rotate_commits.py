"""`kseal rotate --commit`: one commit of ciphertext, and nothing that must not happen in somebody's repository."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sealer.keys import SealingKey
from sealer.ring import KeyRing
from sealer.sealedsecret import open_items, parse
from tests.kit import real
from tests.kit.gitserver import USER, GitServer

pytestmark = pytest.mark.interop
Raw = dict[str, Any]
Done = subprocess.CompletedProcess[str]


class Ground:
    """A folder with a key backup, a repository and a server, and what is typed there."""

    def __init__(self, folder: Path, keys: KeyRing, server: GitServer) -> None:
        self.folder, self.server = folder, server
        self.clone = folder / "clone"
        self.git_program = real.require("git")
        (folder / "gitconfig").write_text("[user]\nname = Ann\nemail = ann@example.org\n")
        (folder / "keys.json").write_text(json.dumps(key_list(keys)))
        self.url = server.repository("clusters")
        secrets = folder / "credentials"
        secrets.mkdir()
        (secrets / "username").write_text(USER)
        (secrets / "password").write_text(f"{server.password}\n")
        subprocess.run([self.git_program, "init", "--quiet", "--initial-branch=main", self.clone], check=True)
        self.git("remote", "add", "origin", self.url)

    def environ(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "GIT_CONFIG_GLOBAL": str(self.folder / "gitconfig"),
            "GIT_CONFIG_NOSYSTEM": "1",
        }

    def git(self, *words: str, where: Path | None = None) -> str:
        done = subprocess.run(
            [self.git_program, *words], cwd=where or self.clone, env=self.environ(), capture_output=True, check=True
        )
        return done.stdout.decode()

    def commit(self, **files: str) -> None:
        """Commit files; `__` stands for the folder separator, and the ending is .yaml."""
        for name, text in files.items():
            path = self.clone / f"{name.replace('__', '/')}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", "before")

    def publish(self) -> None:
        self.git("push", "--quiet", str(self.server.folder / "clusters.git"), "HEAD:main")

    def argv(self, *words: str) -> list[str]:
        entry = "from sealer.cli.main import main; main()"
        return [sys.executable, "-c", entry, "rotate", "-k", str(self.folder / "keys.json"), *words]

    def rotate(self, *words: str, where: Path | None = None, **environ: str) -> Done:
        command = self.argv(*words)
        return subprocess.run(
            command, cwd=where or self.clone, env=self.environ() | environ, capture_output=True, text=True, check=False
        )

    def count(self, revision: str = "HEAD", where: Path | None = None) -> int:
        return int(self.git("rev-list", "--count", revision, where=where))

    @property
    def bare(self) -> Path:
        return self.server.folder / "clusters.git"


def key_list(keys: KeyRing) -> Raw:
    items = [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": f"key-{number}"},
            "stringData": {
                "tls.key": key.private_pem().reveal().decode(),
                "tls.crt": key.certificate.pem.decode() if key.certificate else "",
            },
        }
        for number, key in enumerate(keys)
    ]
    return {"apiVersion": "v1", "kind": "List", "items": items}


@pytest.fixture
def ground(tmp_path: Path, ring: KeyRing) -> Iterator[Ground]:
    (tmp_path / "served").mkdir()
    with GitServer(tmp_path / "served", password="let me in") as server:
        yield Ground(tmp_path, ring, server)


def text(raw: Raw, comment: str = "# keep\n") -> str:
    return comment + yaml.safe_dump(raw)


def test_one_commit_holds_the_ciphertext_and_says_what_was_done(
    ground: Ground, sealed: Callable[..., Raw], old_key: SealingKey, new_key: SealingKey
) -> None:
    ground.commit(apps__a=text(sealed("a")), apps__b=text(sealed("b")), other="kind: Other\n")
    done = ground.rotate("--commit", ".")
    assert done.returncode == 0, done.stderr
    assert ground.count() == 2
    assert ground.git("status", "--porcelain") == ""
    assert ground.git("diff", "--name-only", "HEAD~1").split() == ["apps/a.yaml", "apps/b.yaml"]
    changed = [line for line in ground.git("diff", "-U0", "HEAD~1").splitlines() if re.match(r"[-+](?![-+])", line)]
    assert len(changed) == 8
    assert all(re.fullmatch(r"[-+] +(password|user): A[A-Za-z0-9+/]+=*", line) for line in changed)
    message = ground.git("log", "-1", "--format=%an <%ae>%n%B")
    assert message.startswith("Ann <ann@example.org>\nReseal 2 files under the newest sealing key\n")
    for part in (f"- {old_key.fingerprint}\n", "- apps/a.yaml (2 items)\n", f"\nSealing-Key: {new_key.fingerprint}\n"):
        assert part in message
    assert ground.rotate("--commit", ".").returncode == 0
    assert ground.count() == 2


@pytest.mark.parametrize("change", ["modified", "staged", "untracked"])
def test_somebodys_changes_are_in_the_way(ground: Ground, sealed: Callable[..., Raw], change: str) -> None:
    ground.commit(a=text(sealed("a")), other="x: 1\n")
    path = ground.clone / ("new.yaml" if change == "untracked" else "other.yaml")
    path.write_text("x: 2\n")
    if change == "staged":
        ground.git("add", "other.yaml")
    before = (ground.clone / "a.yaml").read_bytes()
    done = ground.rotate("--commit", ".")
    assert done.returncode == 2
    assert f"changes that are not committed: {path.name}" in done.stderr
    assert (ground.clone / "a.yaml").read_bytes() == before


def test_ignored_files_and_links_are_left_alone(ground: Ground, sealed: Callable[..., Raw]) -> None:
    (ground.clone / ".gitignore").write_text("ignored.yaml\n")
    (ground.folder / "outside.yaml").write_text(text(sealed("a")))
    (ground.clone / "link.yaml").symlink_to("../outside.yaml")
    ground.commit(a=text(sealed("a")))
    (ground.clone / "ignored.yaml").write_text(text(sealed("a")))
    kept = {path: path.read_bytes() for path in (ground.clone / "ignored.yaml", ground.folder / "outside.yaml")}
    assert ground.rotate("--commit", ".").returncode == 0
    assert ground.git("diff", "--name-only", "HEAD~1").split() == ["a.yaml"]
    assert {path: path.read_bytes() for path in kept} == kept


def test_no_hook_runs_and_nobody_elses_configuration_is_read(ground: Ground, sealed: Callable[..., Raw]) -> None:
    ground.commit(a=text(sealed("a")))
    trap = ground.folder / "trap"
    for name in ("pre-commit", "commit-msg", "post-commit", "pre-push", "post-checkout", "reference-transaction"):
        hook = ground.clone / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {trap}\nexit 1\n")
        hook.chmod(0o755)
    ground.git("config", "core.fsmonitor", f"touch {trap}; false")
    trap.unlink(missing_ok=True)
    done = ground.rotate("--commit", "--branch", "other", ".")
    assert done.returncode == 0, done.stderr
    assert ground.count("other") == 2
    assert not trap.exists()


def test_a_branch_is_begun_and_pushed_with_credentials_from_a_folder(
    ground: Ground, sealed: Callable[..., Raw]
) -> None:
    ground.commit(a=text(sealed("a")))
    ground.publish()
    words = ("--commit", "--push", "--branch", "rotate/now", f"--git-credentials={ground.folder}/credentials", ".")
    done = ground.rotate(*words)
    assert done.returncode == 0, done.stderr
    assert ground.count("rotate/now", ground.bare) == 2
    assert ground.count("main", ground.bare) == 1
    assert ground.rotate(*words).returncode == 0
    assert ground.count("rotate/now", ground.bare) == 2


def test_a_push_that_is_refused_is_a_failure_and_can_be_repeated(ground: Ground, sealed: Callable[..., Raw]) -> None:
    ground.commit(a=text(sealed("a")))
    ground.publish()
    refused = ground.rotate("--commit", "--push", ".")
    assert refused.returncode == 1
    assert "git push: " in refused.stderr
    done = ground.rotate("--commit", "--push", f"--git-credentials={ground.folder}/credentials", ".")
    assert done.returncode == 0, done.stderr
    assert ground.count("main", ground.bare) == 2


def test_a_repository_elsewhere_is_rotated_in_a_copy(ground: Ground, sealed: Callable[..., Raw]) -> None:
    ground.commit(apps__a=text(sealed("a")), infra__b=text(sealed("b")))
    ground.publish()
    temporary = ground.folder / "tmp"
    temporary.mkdir()
    words = (f"--repo={ground.url}", f"--git-credentials={ground.folder}/credentials")
    looked = ground.rotate(*words, "--dry-run", where=ground.folder, TMPDIR=str(temporary))
    assert looked.returncode == 3, looked.stderr
    assert "apps/a.yaml:2 " in looked.stdout
    done = ground.rotate(*words, "--commit", "--push", "apps", where=ground.folder, TMPDIR=str(temporary))
    assert done.returncode == 0, done.stderr
    assert ground.count("main", ground.bare) == 2
    assert ground.git("diff", "--name-only", "main~1", "main", where=ground.bare).split() == ["apps/a.yaml"]
    again = ground.rotate(*words, "--commit", "--push", "apps", where=ground.folder, TMPDIR=str(temporary))
    assert again.returncode == 0, again.stderr
    assert ground.count("main", ground.bare) == 2
    assert list(temporary.iterdir()) == []


def test_a_branch_that_is_there_is_gone_on_with(ground: Ground, sealed: Callable[..., Raw]) -> None:
    ground.commit(a=text(sealed("a")))
    ground.publish()
    where = (f"--repo={ground.url}", f"--git-credentials={ground.folder}/credentials", "--branch=later")
    for _ in range(2):
        done = ground.rotate(*where, "--commit", "--push", where=ground.folder)
        assert done.returncode == 0, done.stderr
    assert ground.count("later", ground.bare) == 2
    assert ground.count("main", ground.bare) == 1


def test_what_no_key_opens_stays_and_the_rest_is_committed(
    ground: Ground, sealed: Callable[..., Raw], make_key: Callable[..., SealingKey]
) -> None:
    ground.commit(good=text(sealed("good")), bad=text(sealed("bad", key=make_key(3))))
    done = ground.rotate("--commit", ".")
    assert done.returncode == 1
    assert "bad.yaml: line 2: SealedSecret/shop/bad: no key could decrypt secret" in done.stderr
    assert ground.git("diff", "--name-only", "HEAD~1").split() == ["good.yaml"]


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["--push", "."], "--push needs --commit"),
        (["--branch=x", "."], "--branch needs --commit"),
        (["--sign", "."], "--sign needs --commit"),
        (["--repo=https://git.example.org/x.git"], "--repo works in a copy"),
        (["--repo=https://me:hunter2@git.example.org/x.git", "--dry-run"], "credentials do not belong into a URL"),
        (["--repo=https://token@git.example.org/x.git", "--dry-run"], "credentials do not belong into a URL"),
        (["--repo=/srv/repository", "--dry-run"], "a repository is named by an https, http or ssh URL"),
        (["--repo=file:///srv/repository", "--dry-run"], "a repository is named by"),
        (["--repo=ext::sh -c id", "--dry-run"], "a repository is named by"),
        (["--repo=--upload-pack=id", "--dry-run"], "a repository is named by"),
        (["--repo=ssh://-oProxyCommand=id/x", "--dry-run"], "the URL names no repository"),
        (["--repo=https://git.example.org/x.git", "--dry-run", "../x"], "paths are inside the repository"),
        (["--commit", "--sign", "."], "there is no key to sign commits with"),
        (["--commit", "/"], "not inside a Git work tree"),
    ],
)
def test_calls_that_mean_nothing_are_refused_before_anything_is_tried(
    ground: Ground, words: list[str], what: str
) -> None:
    done = ground.rotate(*words)
    assert (done.returncode, what in done.stderr) == (2, True), done.stderr
    assert "hunter2" not in done.stderr


def test_credentials_do_not_travel_over_plain_http(ground: Ground) -> None:
    done = ground.rotate(
        "--repo=http://git.example.org/x.git", "--dry-run", f"--git-credentials={ground.folder}/credentials"
    )
    assert done.returncode == 1
    assert "credentials do not travel over plain http" in done.stderr


def test_a_host_key_has_to_be_known(ground: Ground) -> None:
    (ground.folder / "ssh").mkdir()
    (ground.folder / "ssh" / "identity").write_text("not a key\n")
    done = ground.rotate("--repo=git@git.example.org:x.git", "--dry-run", f"--git-credentials={ground.folder}/ssh")
    assert done.returncode == 1
    assert "an SSH identity without known_hosts" in done.stderr


def test_a_signed_commit_verifies(ground: Ground, sealed: Callable[..., Raw]) -> None:
    ground.commit(a=text(sealed("a")))
    key = ground.folder / "credentials" / "signing-key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ann", "-f", key], check=True)
    done = ground.rotate("--commit", "--sign", f"--git-credentials={key.parent}", ".")
    assert done.returncode == 0, done.stderr
    signers = ground.folder / "signers"
    signers.write_text(f"ann@example.org {key.with_suffix('.pub').read_text()}")
    ground.git("-c", f"gpg.ssh.allowedSignersFile={signers}", "verify-commit", "HEAD")


def test_a_killed_run_is_gone_on_with_and_ends_in_the_same_state(
    ground: Ground, sealed: Callable[..., Raw], ring: KeyRing, new_key: SealingKey
) -> None:
    raws = {f"f{number:03}": sealed(f"f{number:03}") for number in range(150)}
    ground.commit(**{name: text(raw) for name, raw in raws.items()})
    journal = ground.clone / ".git" / "kseal-rotation"
    running = subprocess.Popen(
        ground.argv("--commit", "."), cwd=ground.clone, env=ground.environ(), stdout=subprocess.DEVNULL
    )
    while not (journal.exists() and journal.read_text().count("sha256") > 5) and running.poll() is None:
        pass  # a pause would let all of it pass
    running.send_signal(signal.SIGKILL)
    running.wait()
    assert 0 < len(ground.git("diff", "--name-only").split()) < 150
    (ground.clone / ".f149.yaml.0123456789ab.tmp").write_text("what such a run leaves, if f149 was being written")
    with journal.open("a") as file:
        file.write('\n{"path": "f149.yaml", "sha256": "0"}\n{"pa')
    done = ground.rotate("--commit", ".")
    assert done.returncode == 0, done.stderr
    assert ground.count() == 2
    assert ground.git("status", "--porcelain") == ""
    assert len(ground.git("diff", "--name-only", "HEAD~1").split()) == 150
    for name, raw in raws.items():
        after = yaml.safe_load((ground.clone / f"{name}.yaml").read_text())
        values = {key: item.value for key, item in open_items(parse(raw), ring).items()}
        assert {key: item.value for key, item in open_items(parse(after), KeyRing([new_key])).items()} == values


def test_a_change_after_a_kill_is_not_taken_for_our_own(ground: Ground, sealed: Callable[..., Raw]) -> None:
    ground.commit(a=text(sealed("a")))
    (ground.clone / ".git" / "kseal-rotation").write_text('{"path": "a.yaml", "sha256": "0"}\n')
    (ground.clone / "a.yaml").write_text(text(sealed("a"), "# somebody was here\n"))
    assert ground.rotate("--commit", ".").returncode == 2
