"""`make demo` as a newcomer meets it: it works, says what it does, and leaves nothing behind whatever happens."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.kit import real
from tests.kit.cache import Cache
from tests.kit.controlplane import ControlPlane
from tests.kit.demo import main
from tests.kit.process import wait_until
from tests.kit.tree import ROOT

pytestmark = pytest.mark.cluster

CRD = "sealedsecrets.bitnami.com"
_LIMIT_SECONDS = 120
_STOPPED = 130


class Newcomer:
    """Somebody with a cache of their own, in which the programs are already built."""

    def __init__(self, folder: Path) -> None:
        self.environ = dict(os.environ) | {"XDG_CACHE_HOME": str(folder / "cache"), "TERM": "xterm"}
        for name in ("KSEAL_REQUIRE_REAL", "KUBECONFIG", "KSEAL_TEST_BUILD"):
            self.environ.pop(name, None)
        self.runs = Cache.of(self.environ).runs()

    def give_programs(self) -> None:
        """Show each program of a control plane where the person's cache, or PATH, would have it."""
        for name in ("etcd", "kube", "kubectl"):
            self.environ[f"KSEAL_TEST_{name.upper()}"] = str(real.require(name))

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The whole demo, as the Makefile starts it."""
        return subprocess.run(
            _command(arguments),
            cwd=ROOT,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=_LIMIT_SECONDS,
            check=False,
        )

    @contextmanager
    def running(self, *arguments: str, until: str) -> Iterator[subprocess.Popen[str]]:
        """The demo, up to the line that holds `until`; in a process group of its own, as a terminal starts it."""
        demo = subprocess.Popen(
            _command(arguments), cwd=ROOT, env=self.environ, stdout=subprocess.PIPE, text=True, process_group=0
        )
        try:
            assert demo.stdout
            for line in demo.stdout:
                if until in line:
                    break
            yield demo
        finally:
            demo.kill()
            demo.communicate()

    def left_behind(self) -> list[str]:
        """Folders, and command lines of processes that work in them."""
        found = [str(folder) for folder in self.runs.iterdir()]
        for cmdline in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                text = cmdline.read_text(errors="replace").replace("\0", " ")
            except (FileNotFoundError, ProcessLookupError):
                continue  # it ended while we looked
            found += [text] if str(self.runs) in text else []
        return found


def _command(arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "tests.kit", "demo", *arguments]


@pytest.fixture
def newcomer(tmp_path: Path) -> Newcomer:
    return Newcomer(tmp_path)


def _steps(output: str) -> list[int]:
    return [int(number) for number in re.findall(r"^ ?(\d+)\. ", output, re.MULTILINE)]


@pytest.mark.slow
def test_it_seals_unseals_repairs_and_delivers_and_leaves_nothing(newcomer: Newcomer) -> None:
    newcomer.give_programs()
    demo = newcomer.run()
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert _steps(demo.stdout) == list(range(1, 22))
    assert len(re.findall(r"^    ok in \d+\.\d s: ", demo.stdout, re.MULTILINE)) == 21
    assert re.search(
        r"it holds the value that was sealed; it came (less than )?\d+\.\d+ s after the SealedSecret", demo.stdout
    )
    assert re.search(r"put the committed value back after (less than )?\d+\.\d+ s", demo.stdout)
    assert re.search(r"all of it is in the cluster, both Secrets too; it took \d+\.\d+ s", demo.stdout)
    assert re.search(r"put back what Git says after (less than )?\d+\.\d+ s", demo.stdout)
    assert "the ResourceQuota is pruned" in demo.stdout
    assert re.search(r"^Done in \d+\.\d s\.", demo.stdout, re.MULTILINE)
    assert "\x1b" not in demo.stdout
    assert newcomer.left_behind() == []


def test_the_made_up_password_is_on_no_command_line(newcomer: Newcomer) -> None:
    newcomer.environ["KSEAL_TEST_BUILD"] = "0"
    output = newcomer.run().stdout
    (password,) = re.findall(r"^ +password: (\S{16})$", output, re.MULTILINE)
    typed = [line for line in output.splitlines() if line.lstrip().startswith("$ ")]
    assert len(typed) >= 7
    assert not [line for line in typed if password in line]


@pytest.mark.parametrize(("required", "code"), [("0", 0), ("1", 1)])
def test_without_a_control_plane_the_first_half_runs_and_the_end_says_what_is_missing(
    newcomer: Newcomer, required: str, code: int
) -> None:
    for name in ("ETCD", "KUBE", "KUBECTL"):
        newcomer.environ.pop(f"KSEAL_TEST_{name}", None)
    newcomer.environ |= {"KSEAL_TEST_BUILD": "0", "KSEAL_REQUIRE_REAL": required, "PATH": "/usr/bin:/bin"}
    demo = newcomer.run()
    assert demo.returncode == code, demo.stdout + demo.stderr
    assert _steps(demo.stdout)[:5] == [1, 2, 3, 4, 5]
    assert "it is the Secret of step 2 again" in demo.stdout
    left_out = demo.stdout.partition("Part 1 worked. Parts 2 and 3 were left out")[2]
    assert "etcd" in left_out.splitlines()[0]
    assert "kube-apiserver" in left_out.splitlines()[0]
    assert "KSEAL_TEST_BUILD=0" in left_out
    assert re.search(r"^  cure: \S", left_out, re.MULTILINE)
    assert newcomer.left_behind() == []


@pytest.mark.parametrize(
    ("how", "where", "processes"),
    [
        (signal.SIGINT, "$ kseal controller", 4),
        (signal.SIGTERM, "Start etcd", 1),
        (signal.SIGHUP, "$ git commit", 1),
    ],
)
def test_stopped_in_the_middle_it_cleans_up(
    newcomer: Newcomer, how: signal.Signals, where: str, processes: int
) -> None:
    newcomer.give_programs()
    with newcomer.running(until=where) as demo:
        assert len(newcomer.left_behind()) > processes
        os.killpg(demo.pid, how)
        output, _ = demo.communicate(timeout=_LIMIT_SECONDS)
    assert demo.returncode == _STOPPED
    assert "Stopped. Everything that the demo made is removed." in output
    assert newcomer.left_behind() == []


def test_killed_without_warning_it_still_leaves_nothing(newcomer: Newcomer) -> None:
    newcomer.give_programs()
    with newcomer.running(until="$ kseal controller") as demo:
        demo.kill()
        demo.wait(timeout=_LIMIT_SECONDS)
    wait_until(lambda: newcomer.left_behind() == [], "folders and processes are gone")


def test_a_reader_who_goes_away_does_not_stop_the_clean_up(newcomer: Newcomer) -> None:
    newcomer.environ["KSEAL_TEST_BUILD"] = "0"
    line = " ".join(_command([])) + " | head -n 3"
    demo = subprocess.run(
        ["/bin/sh", "-c", line], cwd=ROOT, env=newcomer.environ, capture_output=True, text=True, check=False
    )
    assert demo.stderr == ""
    wait_until(lambda: newcomer.left_behind() == [], "folders and processes are gone")


class Cluster:
    """A cluster of somebody's, and what is in it."""

    def __init__(self, plane: ControlPlane) -> None:
        self.plane = plane

    def content(self) -> dict[str, list[str]]:
        """The names of all that a demo could have touched."""
        return {
            kind: sorted(
                f"{found['metadata'].get('namespace', '')}/{found['metadata']['name']}"
                for found in json.loads(self.plane.kubectl("get", kind, "--all-namespaces", "--output=json").stdout)[
                    "items"
                ]
            )
            for kind in ("namespaces", "secrets", "configmaps", "customresourcedefinitions", "clusterroles")
        }

    def use_sealed_secrets(self) -> str:
        """Have the definition there already, and a SealedSecret in the namespace that is returned."""
        self.plane.kubectl("apply", "-k", str(ROOT / "deploy" / "crds"))
        namespace = self.plane.create_namespace()
        theirs = {
            "apiVersion": "bitnami.com/v1alpha1",
            "kind": "SealedSecret",
            "metadata": {"name": "theirs"},
            "spec": {"encryptedData": {"password": "AgB="}},
        }
        self.plane.kubectl("create", "-f", "-", input=json.dumps(theirs), namespace=namespace)
        return namespace


@pytest.fixture(scope="module")
def own_plane() -> Iterator[ControlPlane]:
    """With controllers: without them no namespace ever goes away. Of its own: the definition comes and goes in it."""
    for name in ("etcd", "kube"):
        real.require(name)
    with ControlPlane("cluster") as plane:
        yield plane


@pytest.fixture
def cluster(own_plane: ControlPlane) -> Cluster:
    own_plane.kubectl("delete", "crd", CRD, "--ignore-not-found")
    return Cluster(own_plane)


@pytest.mark.slow
def test_in_a_cluster_of_ones_own_it_leaves_everything_as_it_was(newcomer: Newcomer, cluster: Cluster) -> None:
    newcomer.give_programs()
    before = cluster.content()
    demo = newcomer.run("--kubeconfig", str(cluster.plane.kubeconfig))
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "put the committed value back" in demo.stdout
    assert "Part 3 delivers a repository, for which it needs a cluster of its own" in demo.stdout
    assert cluster.content() == before
    assert newcomer.left_behind() == []


def test_stopped_in_a_cluster_of_ones_own_it_removes_what_it_made_and_nothing_else(
    newcomer: Newcomer, cluster: Cluster
) -> None:
    newcomer.give_programs()
    namespace = cluster.use_sealed_secrets()
    before = cluster.content()
    theirs = cluster.plane.kubectl("get", "sealedsecrets", "--output=yaml", namespace=namespace).stdout
    with newcomer.running("--kubeconfig", str(cluster.plane.kubeconfig), until="$ kseal controller") as demo:
        assert cluster.content() != before
        os.killpg(demo.pid, signal.SIGINT)
        os.killpg(demo.pid, signal.SIGINT)  # impatience does not stop the clean-up
        demo.communicate(timeout=_LIMIT_SECONDS)
    assert demo.returncode == _STOPPED
    assert cluster.content() == before
    assert cluster.plane.kubectl("get", "sealedsecrets", "--output=yaml", namespace=namespace).stdout == theirs
    assert newcomer.left_behind() == []


def test_a_cluster_that_does_not_answer_is_told_in_plain_words(newcomer: Newcomer, tmp_path: Path) -> None:
    newcomer.give_programs()
    nowhere = tmp_path / "nowhere.kubeconfig"
    nowhere.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "x", "cluster": {"server": "https://127.0.0.1:1"}}],
                "contexts": [{"name": "x", "context": {"cluster": "x", "user": ""}}],
                "current-context": "x",
            }
        )
    )
    demo = newcomer.run("--kubeconfig", str(nowhere))
    assert demo.returncode == 1
    assert "kseal demo: error: the cluster of" in demo.stdout
    assert newcomer.left_behind() == []


def test_a_kubeconfig_that_is_not_there_is_refused_before_anything_is_done(newcomer: Newcomer) -> None:
    demo = newcomer.run("--kubeconfig", "/nowhere/config")
    assert demo.returncode == 2
    assert demo.stdout.splitlines() == [
        "",
        'kseal demo: error: KUBECONFIG: there is no file "/nowhere/config"',
        "kseal demo: hint: make demo KUBECONFIG=FILE, or just: make demo",
    ]


def test_without_git_it_says_what_to_install(newcomer: Newcomer, tmp_path: Path) -> None:
    newcomer.environ["PATH"] = str(tmp_path)
    demo = newcomer.run()
    assert demo.returncode == 1
    assert "kseal demo: error: there is no git on PATH" in demo.stdout
    assert "apt-get install git" in demo.stdout


def test_where_there_is_no_linux_the_first_half_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr("tests.kit.demo.Nest", None)  # its keeper needs what only Linux has
    monkeypatch.delenv("KSEAL_REQUIRE_REAL", raising=False)
    assert main([]) == 0
    output = capsys.readouterr().out
    assert "it is the Secret of step 2 again" in output
    assert "why:  a control plane is not to be had: it needs Linux" in output
    (folder,) = re.findall(r"^It works in (\S+) and", output, re.MULTILINE)
    assert not Path(folder).exists()


def test_only_a_kubeconfig_that_is_typed_after_make_demo_is_used() -> None:
    def typed(*words: str, **environ: str) -> str:
        command = ["make", "--no-print-directory", "--dry-run", "--always-make", "demo", *words]
        inherited = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS")}
        shown = subprocess.run(command, cwd=ROOT, env=inherited | environ, capture_output=True, text=True, check=True)
        return shown.stdout.splitlines()[-1].partition("demo")[2].strip()

    assert typed(KUBECONFIG="/production") == ""
    assert typed("KUBECONFIG=/mine") == '--kubeconfig "/mine"'
