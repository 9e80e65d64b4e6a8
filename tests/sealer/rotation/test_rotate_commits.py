"""`kseal rotate --commit`: one commit of ciphertext, and nothing that must not happen in somebody's repository."""

import re
import signal
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from sealer.keys import SealingKey
from sealer.ring import KeyRing
from sealer.sealedsecret import open_items, parse
from tests.kit.rotating import Ground, text

pytestmark = pytest.mark.interop
Raw = dict[str, Any]


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
    words = (f"--repo={ground.url}", f"--git-credentials={ground.folder}/credentials")
    looked = ground.rotate(*words, "--dry-run", where=ground.folder)
    assert looked.returncode == 3, looked.stderr
    assert "apps/a.yaml:2 " in looked.stdout
    done = ground.rotate(*words, "--commit", "--push", "apps", where=ground.folder)
    assert done.returncode == 0, done.stderr
    assert ground.count("main", ground.bare) == 2
    assert ground.git("diff", "--name-only", "main~1", "main", where=ground.bare).split() == ["apps/a.yaml"]
    again = ground.rotate(*words, "--commit", "--push", "apps", where=ground.folder)
    assert again.returncode == 0, again.stderr
    assert ground.count("main", ground.bare) == 2
    assert list(ground.temporary.iterdir()) == []


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


def test_what_a_killed_run_left_in_the_temporary_folder_goes_with_the_next(
    ground: Ground, sealed: Callable[..., Raw]
) -> None:
    ground.commit(**{f"f{number:03}": text(sealed(f"f{number:03}")) for number in range(50)})
    ground.publish()
    words = (f"--repo={ground.url}", f"--git-credentials={ground.folder}/credentials", "--commit", "--push")
    running = subprocess.Popen(ground.argv(*words), cwd=ground.folder, env=ground.environ(), stdout=subprocess.DEVNULL)
    while not any(ground.temporary.glob("*/clone/.git/kseal-rotation")) and running.poll() is None:
        pass  # a pause would let all of it pass
    running.send_signal(signal.SIGSTOP)
    looked = ground.rotate(f"--repo={ground.url}", words[1], "--dry-run", where=ground.folder)
    assert looked.returncode == 3, looked.stderr  # nor does one run take another's folder away
    running.send_signal(signal.SIGKILL)
    running.wait()
    (left,) = ground.temporary.iterdir()
    assert left.name.startswith("kseal-rotate-")
    done = ground.rotate(*words, where=ground.folder)
    assert done.returncode == 0, done.stderr
    assert list(ground.temporary.iterdir()) == []


def test_a_change_after_a_kill_is_not_taken_for_our_own(ground: Ground, sealed: Callable[..., Raw]) -> None:
    ground.commit(a=text(sealed("a")))
    (ground.clone / ".git" / "kseal-rotation").write_text('{"path": "a.yaml", "sha256": "0"}\n')
    (ground.clone / "a.yaml").write_text(text(sealed("a"), "# somebody was here\n"))
    assert ground.rotate("--commit", ".").returncode == 2
