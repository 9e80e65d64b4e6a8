"""`kseal rotate` over SealedSecrets and SOPS files together: one commit, nothing twice, and whoever leaves is out."""

import os
import signal
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyrage
import pytest

from sealer.sops.formats.base import by_path
from sealer.sops.operations import Keys, encrypt_file, open_file
from sealer.sops.recipients.age import AgeService
from sealer.sops.recipients.base import MasterKey
from sealer.sops.recipients.lookup import Given
from sealer.sops.selection import Selection
from tests.kit import real
from tests.kit.rotating import Done, Ground, text

pytestmark = pytest.mark.interop
Raw = dict[str, Any]
PLAIN = "password: hunter2\nuser: root\n"


class Team:
    """Two identities, and files in a repository that are encrypted for both."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self._identities = [pyrage.x25519.Identity.generate() for _ in range(2)]
        self.ann, self.bob = (str(identity.to_public()) for identity in self._identities)
        self.keys = Keys({"age": AgeService(Given({"ann": str(self._identities[0]).encode()}))})

    def rules(self, *recipients: str) -> None:
        text = f"creation_rules:\n- path_regex: enc\n  age: {','.join(recipients)}\n"
        (self.ground.clone / ".sops.yaml").write_text(text)

    def encrypted(
        self, name: str, plain: str = PLAIN, chosen: Selection | None = None, *, at: datetime | None = None
    ) -> Path:
        path = self.ground.clone / name
        path.parent.mkdir(parents=True, exist_ok=True)
        form = by_path(name)
        groups = [[MasterKey("age", {"recipient": recipient}) for recipient in (self.ann, self.bob)]]
        selection = chosen or (Selection() if form.is_single_value else Selection(unencrypted_suffix="_unencrypted"))
        data = encrypt_file(
            plain.encode(), form, form, self.keys, groups=groups, selection=selection, now=at or datetime.now(UTC)
        )
        path.write_bytes(data)
        return path

    def recipients(self, name: str) -> list[str]:
        envelope = by_path(name).read_encrypted((self.ground.clone / name).read_bytes())
        return [key.identity for group in envelope.metadata.key_groups for key in group]

    def plain(self, name: str) -> str:
        """What the real sops reads, with the first identity only."""
        environ = {"PATH": os.environ["PATH"], "HOME": str(self.ground.folder), **self.environ}
        command = [str(real.require("sops")), "decrypt", name]
        return subprocess.run(
            command, cwd=self.ground.clone, env=environ, capture_output=True, check=True
        ).stdout.decode()

    @property
    def environ(self) -> dict[str, str]:
        return {"SOPS_AGE_KEY": str(self._identities[0])}

    def rotate(self, *words: str) -> Done:
        return self.ground.rotate(*words, **self.environ)

    def rotate_sops(self, *words: str, **environ: str) -> Done:
        command = [word for word in self.ground.argv("--only", "sops", *words) if word not in self.key_words()]
        environ = self.ground.environ() | self.environ | environ
        return subprocess.run(command, cwd=self.ground.clone, env=environ, capture_output=True, text=True, check=False)

    def key_words(self) -> tuple[str, ...]:
        return ("-k", str(self.ground.folder / "keys.json"))


@pytest.fixture
def team(ground: Ground) -> Team:
    team = Team(ground)
    team.rules(team.ann, team.bob)
    return team


def test_both_kinds_are_in_one_commit_and_a_second_run_makes_none(
    ground: Ground, team: Team, sealed: Callable[..., Raw]
) -> None:
    team.encrypted("apps/db.enc.yaml")
    team.encrypted("apps/.enc.env", "A=1\n")
    team.encrypted("apps/blob.enc", "text")
    ground.commit(apps__a=text(sealed("a")))
    team.rules(team.ann)
    ground.git("commit", "--quiet", "--all", "-m", "Bob leaves")
    looked = team.rotate("--dry-run", ".")
    assert looked.returncode == 3, looked.stderr
    assert looked.stdout.count("would be rotated") == 3
    assert looked.stdout.count("would be resealed") == 1
    assert ground.git("status", "--porcelain") == ""
    done = team.rotate("--commit", ".")
    assert done.returncode == 0, done.stderr
    assert ground.count() == 3
    changed = ground.git("diff", "--name-only", "HEAD~1").split()
    assert changed == ["apps/.enc.env", "apps/a.yaml", "apps/blob.enc", "apps/db.enc.yaml"]
    message = ground.git("log", "-1", "--format=%B")
    assert message.startswith("Reseal 1 file under the newest sealing key, and rotate 3 SOPS files\n")
    for part in (
        "- apps/a.yaml (2 items)\n",
        "- apps/db.enc.yaml (new data key)\n",
        "\nSealing-Key: ",
        "\nData-Keys: new\n",
    ):
        assert part in message
    assert "hunter2" not in done.stdout + done.stderr + ground.git("log", "-p")
    assert team.recipients("apps/db.enc.yaml") == [team.ann]
    assert [team.plain(f"apps/{name}") for name in ("db.enc.yaml", ".enc.env", "blob.enc")] == [
        PLAIN,
        "A=1\n",
        "text",
    ]
    assert team.rotate("--commit", ".").returncode == 0
    assert ground.count() == 3


def test_files_that_were_last_encrypted_long_ago_are_due_on_request(ground: Ground, team: Team) -> None:
    team.encrypted("old.enc.yaml", at=datetime.now(UTC) - timedelta(days=100))
    team.encrypted("new.enc.yaml")
    ground.commit()
    assert team.rotate_sops("--dry-run", ".").returncode == 0
    done = team.rotate_sops("--older-than", "90d", "--commit", ".")
    assert done.returncode == 0, done.stderr
    assert ground.git("diff", "--name-only", "HEAD~1").split() == ["old.enc.yaml"]
    assert ground.git("log", "-1", "--format=%s") == "Rotate the data key of 1 SOPS file\n"
    assert team.rotate_sops("--older-than", "90d", "--commit", ".").returncode == 0
    assert ground.count() == 2
    assert team.plain("old.enc.yaml") == PLAIN


def test_a_file_that_no_identity_opens_is_named_and_the_others_are_done(ground: Ground, team: Team) -> None:
    path = team.encrypted("a.enc.yaml")
    team.encrypted("b.enc.yaml")
    broken = path.read_text().replace("user: ENC", "name: ENC")
    path.write_text(broken)
    ground.commit()
    team.rules(team.ann)
    ground.git("commit", "--quiet", "--all", "-m", "Bob leaves")
    nobody = team.rotate_sops("--commit", ".", SOPS_AGE_KEY="")
    assert nobody.returncode == 1
    assert nobody.stderr.count("cannot get the data key: no master key opened") == 2
    done = team.rotate_sops("--commit", ".")
    assert done.returncode == 1
    assert 'kseal: error: a.enc.yaml: ["name"]: changed or moved' in done.stderr
    assert path.read_text() == broken
    assert ground.git("diff", "--name-only", "HEAD~1").split() == ["b.enc.yaml"]


def test_a_sealed_secret_inside_a_sops_file_is_a_part_of_it(
    ground: Ground, team: Team, sealed: Callable[..., Raw]
) -> None:
    path = team.encrypted("a.enc.yaml", f"{text(sealed('a'))}note: hunter2\n", Selection(encrypted_regex="^note$"))
    before = path.read_bytes()
    ground.commit()
    done = team.rotate("--commit", ".")
    assert done.returncode == 0, done.stderr
    assert path.read_bytes() == before


def test_a_killed_run_is_gone_on_with_and_ends_in_the_same_state(ground: Ground, team: Team) -> None:
    names = [f"f{number:03}.enc.yaml" for number in range(120)]
    for name in names:
        team.encrypted(name)
    ground.commit()
    team.rules(team.ann)
    ground.git("commit", "--quiet", "--all", "-m", "Bob leaves")
    journal = ground.clone / ".git" / "kseal-rotation"
    command = [word for word in ground.argv("--only", "sops", "--commit", ".") if word not in team.key_words()]
    running = subprocess.Popen(
        command, cwd=ground.clone, env=ground.environ() | team.environ, stdout=subprocess.DEVNULL
    )
    while not (journal.exists() and journal.read_text().count("sha256") > 5) and running.poll() is None:
        pass  # a pause would let all of it pass
    running.send_signal(signal.SIGKILL)
    running.wait()
    assert 0 < len(ground.git("diff", "--name-only").split()) < len(names)
    done = team.rotate_sops("--commit", ".")
    assert done.returncode == 0, done.stderr
    assert ground.count() == 3
    assert ground.git("status", "--porcelain") == ""
    assert ground.git("diff", "--name-only", "HEAD~1").split() == names
    assert ground.git("log", "-1", "--format=%s") == "Rotate the data keys of 120 SOPS files\n"
    form = by_path(names[0])
    for name in names:
        opened = open_file((ground.clone / name).read_bytes(), form, team.keys)
        assert form.write_plain(opened.branches).decode() == PLAIN
        assert team.recipients(name) == [team.ann]


def test_rules_outside_of_the_repository_and_behind_links_do_not_count(ground: Ground, team: Team) -> None:
    mallory = str(pyrage.x25519.Identity.generate().to_public())
    rules = ground.clone / ".sops.yaml"
    outside = ground.folder / ".sops.yaml"
    outside.write_text(rules.read_text().replace(team.bob, mallory))
    rules.unlink()
    team.encrypted("a.enc.yaml")
    ground.commit()
    assert team.rotate_sops("--commit", ".").returncode == 0
    assert ground.count() == 1
    rules.symlink_to("../.sops.yaml")
    ground.commit()
    done = team.rotate_sops("--commit", ".")
    assert done.returncode == 1
    assert team.recipients("a.enc.yaml") == [team.ann, team.bob]


def test_a_repository_elsewhere_is_rotated_by_its_own_rules(ground: Ground, team: Team) -> None:
    team.encrypted("apps/a.enc.yaml")
    team.rules(team.ann)
    ground.commit()
    ground.publish()
    words = (f"--repo={ground.url}", f"--git-credentials={ground.folder}/credentials", "--commit", "--push")
    for _ in range(2):
        done = team.rotate_sops(*words)
        assert done.returncode == 0, done.stderr
        assert ground.count("main", ground.bare) == 2
    ground.git("pull", "--quiet", str(ground.bare), "main")
    assert team.recipients("apps/a.enc.yaml") == [team.ann]
    assert team.plain("apps/a.enc.yaml") == PLAIN


def test_lines_that_mean_nothing_are_refused(ground: Ground, team: Team) -> None:
    team.encrypted("a.enc.yaml")
    assert team.rotate("--only", "sops", ".").returncode == 2
    assert team.rotate("--only", "sealedsecrets", "--older-than", "1d", ".").returncode == 2
    assert team.rotate_sops("--older-than", "soon", ".").returncode == 2
