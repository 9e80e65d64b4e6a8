"""A repository behind ssh: a deploy key opens it, only a host that is known is believed, and the person's own agent and
command play no part. The other side is the real sshd."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sealer.ring import KeyRing
from tests.kit.rotating import Done, Ground, text
from tests.kit.sshserver import SshServer, new_key

pytestmark = pytest.mark.interop
Raw = dict[str, Any]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    with SshServer(tmp_path_factory.mktemp("served")) as server:
        yield server


class Remote:
    """A clone of a repository on the server, and a folder with the deploy key and the host's."""

    def __init__(self, ground: Ground, server: SshServer) -> None:
        self.ground, self.server = ground, server
        self.credentials = ground.folder / "deploy"
        self.credentials.mkdir()
        self.key = new_key(self.credentials / "identity")
        self.know(server.known_hosts)

    def know(self, line: str) -> None:
        (self.credentials / "known_hosts").write_text(line)

    def rotate(self, *words: str, **environ: str) -> Done:
        return self.ground.rotate("--commit", "--push", f"--git-credentials={self.credentials}", *words, **environ)


@pytest.fixture
def remote(tmp_path: Path, server: SshServer, ring: KeyRing, sealed: Callable[..., Raw]) -> Remote:
    ground = Ground(tmp_path, ring, server, name=f"{tmp_path.name}/clusters")
    ground.commit(a=text(sealed("a")))
    ground.publish()
    remote = Remote(ground, server)
    server.let_in(remote.key.with_suffix(".pub").read_text())
    return remote


def test_a_deploy_key_clones_and_pushes(remote: Remote) -> None:
    for _ in range(2):
        done = remote.rotate(f"--repo={remote.ground.url}")
        assert done.returncode == 0, done.stderr
    assert remote.ground.count("main", remote.ground.bare) == 2
    assert list(remote.ground.temporary.iterdir()) == []


def test_a_clone_at_hand_is_pushed_to_its_remote(remote: Remote) -> None:
    done = remote.rotate("--branch=later", ".")
    assert done.returncode == 0, done.stderr
    assert remote.ground.count("later", remote.ground.bare) == 2


@pytest.mark.parametrize(
    ("host", "cure"),
    [
        ("git.example.org", "put the host's key into known_hosts: ssh-keyscan HOST shows it"),
        ("", "somebody may stand between; if the host says that it has a new key"),
    ],
    ids=["unknown", "changed"],
)
def test_a_host_whose_key_is_not_the_known_one_is_refused_with_the_cure(remote: Remote, host: str, cure: str) -> None:
    other = new_key(remote.ground.folder / "other").with_suffix(".pub").read_text()
    remote.know(f"{host} {other}" if host else remote.server.known_as(other))
    done = remote.rotate(f"--repo={remote.ground.url}")
    assert done.returncode == 1
    assert "Host key verification failed" in done.stderr
    assert f"hint: {cure}" in done.stderr
    assert remote.ground.count("main", remote.ground.bare) == 1


def test_a_key_that_is_not_let_in_is_refused_though_an_agent_has_a_better_one(remote: Remote) -> None:
    """Neither has the person's own ssh command a say."""
    good = remote.key.rename(remote.ground.folder / "good")
    remote.key.with_suffix(".pub").unlink()
    new_key(remote.key)
    trap = remote.ground.folder / "trap"
    script = remote.ground.folder / "ssh-trap"
    script.write_text(f"#!/bin/sh\ntouch {trap}\nexit 1\n")
    script.chmod(0o755)
    remote.ground.git("config", "core.sshCommand", str(script))
    agent = subprocess.run(["ssh-agent", "-s"], capture_output=True, text=True, check=True).stdout
    variables = dict(part.split("=", 1) for line in agent.splitlines() if "=" in (part := line.split(";")[0]))
    try:
        environ = {**os.environ, **variables}
        subprocess.run(["ssh-add", "-q", good], env=environ, check=True)
        done = remote.rotate(".", SSH_AUTH_SOCK=variables["SSH_AUTH_SOCK"], GIT_SSH_COMMAND=str(script))
    finally:
        os.kill(int(variables["SSH_AGENT_PID"]), signal.SIGTERM)
    assert done.returncode == 1
    assert "Permission denied (publickey)" in done.stderr
    assert "is the deploy key known there, and may it write?" in done.stderr
    assert not trap.exists()
    assert remote.ground.count("main", remote.ground.bare) == 1


def test_the_deploy_key_does_nothing_but_git(remote: Remote) -> None:
    """What makes the other tests speak of a deploy key: a shell is not to be had with it."""
    known = f"UserKnownHostsFile={remote.credentials}/known_hosts"
    where = ["-p", str(remote.server.port), f"{remote.server.user}@127.0.0.1"]
    words = ["ssh", "-F", "/dev/null", "-o", "BatchMode=yes", "-o", known, "-i", str(remote.key), *where, "id"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "uid=" not in done.stdout
