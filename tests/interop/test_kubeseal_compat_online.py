"""The original kubeseal and ours side by side against the original controller, through the API server's proxy."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from tests.kit.controlplane import ControlPlane
from tests.kit.process import Nest
from tests.kit.running import OriginalController
from tests.kit.sandbox import POD_ADDRESS
from tests.kit.serviceproxy import expose, wait_reachable

pytestmark = [pytest.mark.cluster, pytest.mark.netns, pytest.mark.interop]

SERVICE = "sealed-secrets-controller"
SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db", "namespace": "shop"}, "data": {"a": "eA=="}}


class Did(NamedTuple):
    code: int
    output: str
    error: str


class Ground(NamedTuple):
    """A control plane with the original controller behind its Service."""

    plane: ControlPlane
    namespace: str
    folder: Path
    original: Path

    def run(self, is_ours: bool, *words: str, stdin: str = "") -> Did:
        program = [sys.executable, "-c", "from sealer.cli.main import main; main()", "kubeseal"]
        done = subprocess.run(
            [*(program if is_ours else [self.original]), f"--controller-namespace={self.namespace}", *words],
            cwd=self.folder,
            input=stdin,
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder), "KUBECONFIG": str(self.plane.kubeconfig)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Did(done.returncode, done.stdout, done.stderr)

    def both(self, *words: str, stdin: str = "") -> tuple[Did, Did]:
        return self.run(False, *words, stdin=stdin), self.run(True, *words, stdin=stdin)

    def kseal(self, *words: str, stdin: str = "") -> Did:
        done = subprocess.run(
            [sys.executable, "-c", "from sealer.cli.main import main; main()", *words],
            cwd=self.folder,
            input=stdin,
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder), "KUBECONFIG": str(self.plane.kubeconfig)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Did(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def ground(
    control_plane: ControlPlane, program: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ground]:
    folder = tmp_path_factory.mktemp("online")
    namespace = control_plane.create_namespace()
    # The limit is the test's enemy here: three questions at once, then one each half second.
    flags = ("--rate-limit=1000", "--rate-limit-burst=1000", "--kubeclient-qps=500", "--kubeclient-burst=500")
    with Nest("original") as nest:
        controller = OriginalController(nest, control_plane, namespace=namespace, flags=flags)
        controller.start()
        controller.certificate()
        proxy = expose_port(control_plane, namespace, controller.port, nest)
        wait_reachable(control_plane.api, proxy, "/v1/cert.pem")
        yield Ground(control_plane, namespace, folder, program("kubeseal"))


def expose_port(plane: ControlPlane, namespace: str, port: int, nest: Nest) -> str:
    """The controller listens on loopback, where the API server refuses to go: a relay stands in between."""
    relay = (
        "import socket, threading\n"
        f"listener = socket.create_server(({POD_ADDRESS!r}, 8080))\n"
        "def pump(a, b):\n"
        "    try:\n"
        "        while data := a.recv(65536): b.sendall(data)\n"
        "    except OSError: pass\n"
        "    try: b.shutdown(socket.SHUT_WR)\n"
        "    except OSError: pass\n"
        "while True:\n"
        "    near, _ = listener.accept()\n"
        f"    far = socket.create_connection(('127.0.0.1', {port}))\n"
        "    for pair in ((near, far), (far, near)): threading.Thread(target=pump, args=pair, daemon=True).start()\n"
    )
    nest.start("relay", [sys.executable, "-c", relay])
    return expose(plane.api, namespace, SERVICE, 8080)


@pytest.fixture(scope="module")
def sealed(ground: Ground) -> str:
    did = ground.run(False, stdin=json.dumps(SECRET))
    assert did.code == 0, did.error
    return did.output


def moved(sealed: str) -> str:
    """What nobody can open any more."""
    return sealed.replace('"name": "db"', '"name": "moved"')


def test_both_fetch_the_same_certificate(ground: Ground) -> None:
    original, ours = ground.both("--fetch-cert")
    assert ours == original
    assert ours.code == 0
    assert ours.output.startswith("-----BEGIN CERTIFICATE-----")


def test_what_each_seals_without_a_certificate_the_controller_opens(ground: Ground) -> None:
    for is_ours in (False, True):
        did = ground.run(is_ours, "-o", "yaml", stdin=json.dumps(SECRET))
        assert did.code == 0, did.error
        for other in (False, True):
            assert ground.run(other, "--validate", stdin=did.output) == Did(0, "", "")


def test_what_cannot_be_opened_is_told_in_the_same_words(ground: Ground, sealed: str) -> None:
    original, ours = ground.both("--validate", stdin=moved(sealed))
    assert ours == original == Did(1, "", "error: unable to decrypt sealed secret: moved\n")


def test_several_documents_are_validated(ground: Ground, sealed: str) -> None:
    documents = yaml.safe_dump_all([json.loads(sealed), json.loads(moved(sealed))])
    original, ours = ground.both("--validate", stdin=documents)
    assert ours == original
    assert ours.code == 1


def test_each_reencrypts_what_the_other_opens(ground: Ground, sealed: str) -> None:
    original, ours = ground.both("--re-encrypt", stdin=sealed)
    assert (ours.code, ours.error) == (original.code, original.error) == (0, "")
    assert without_ciphertext(ours.output) == without_ciphertext(original.output)
    for did in (original, ours):
        assert did.output != sealed
        assert ground.run(True, "--validate", stdin=did.output).code == 0


def test_a_file_is_reencrypted_in_place(ground: Ground, sealed: str) -> None:
    path = ground.folder / "sealed.yaml"
    text = yaml.safe_dump(json.loads(sealed))
    for is_ours, flag in ((False, "--rotate"), (True, "--rotate"), (True, "--re-encrypt")):
        path.write_text(text)
        did = ground.run(is_ours, flag, "-f", "sealed.yaml")
        said = "Flag --rotate has been deprecated, please use --re-encrypt instead\n" if flag == "--rotate" else ""
        assert did == Did(0, said, "")
        assert path.read_text() != text
        assert path.read_text().startswith("---\n")
        assert ground.run(True, "--validate", "-f", "sealed.yaml").code == 0


def test_reencrypting_keeps_the_form_of_a_file_whatever_its_name(ground: Ground, sealed: str) -> None:
    path = ground.folder / "sealed"
    for is_ours, first in ((False, "{"), (True, "-")):
        path.write_text(yaml.safe_dump(json.loads(sealed)))
        assert ground.run(is_ours, "--re-encrypt", "-f", "sealed").code == 0
        assert path.read_text()[0] == first


def test_what_cannot_be_reencrypted_fails_and_changes_nothing(ground: Ground, sealed: str) -> None:
    path = ground.folder / "moved.json"
    path.write_text(moved(sealed))
    original, ours = ground.both("--re-encrypt", "-f", "moved.json")
    assert (ours.code, ours.output) == (original.code, original.output) == (1, "")
    assert ours.error.startswith("error: cannot re-encrypt secret: ")
    assert path.read_text() == moved(sealed)


def test_a_controller_that_is_not_there_is_told_with_the_cure(ground: Ground) -> None:
    original, ours = ground.both("--controller-name=nobody", "--fetch-cert")
    assert (ours.code, ours.output) == (original.code, original.output) == (1, "")
    assert ours.error.startswith("error: cannot get sealed secret service: ")
    assert ours.error.splitlines()[1:] == original.error.splitlines()[1:]


@pytest.mark.parametrize(
    "flags",
    [("--as=nobody",), ("--as=nobody", "--as-group=none", "--as-uid=7"), ("--token=wrong",), ("--context=none",)],
)
def test_who_we_are_is_as_the_flags_say(ground: Ground, flags: tuple[str, ...]) -> None:
    original, ours = ground.both(*flags, "--fetch-cert")
    if "--token=wrong" in flags:  # the kubeconfig's client certificate goes along in the original, and wins
        assert ours.code == 1
        return
    assert ours.code == original.code == 1
    assert ours.output == original.output == ""


def test_server_and_authority_can_be_given(ground: Ground) -> None:
    ca = ground.folder / "ca.crt"
    ca.write_bytes(ground.plane.ca)
    flags = [f"--server={ground.plane.server}", f"--certificate-authority={ca}", f"--token={ground.plane.token}"]
    flags += ["--kubeconfig=/dev/null", "--request-timeout=20s", "--fetch-cert"]
    original, ours = ground.both(*flags)
    assert (ours.code, ours.output) == (original.code, original.output)
    assert ours.code == 0, ours.error


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        (("--insecure-skip-tls-verify",), 0),
        (("--insecure-skip-tls-verify=false",), 1),
        (("--certificate-authority=ca.crt", "--tls-server-name=kubernetes.default.svc"), 0),
        (("--certificate-authority=ca.crt", "--tls-server-name=elsewhere.example"), 1),
        (("--certificate-authority=ca.crt", "--disable-compression"), 0),
        (("--certificate-authority=ca.crt", "--proxy-url=http://127.0.0.1:1"), 1),
        (("--certificate-authority=ca.crt", "--username=me", "--password=word"), 1),
    ],
    ids=lambda value: value[-1].split("=")[0] if isinstance(value, tuple) else str(value),
)
def test_the_way_to_the_server_is_as_the_flags_say(ground: Ground, flags: tuple[str, ...], code: int) -> None:
    (ground.folder / "ca.crt").write_bytes(ground.plane.ca)
    known = ("--kubeconfig=/dev/null", f"--server={ground.plane.server}", f"--token={ground.plane.token}")
    original, ours = ground.both(*known, *flags, "--fetch-cert")
    assert (ours.code, ours.output) == (original.code, original.output), original.error
    assert ours.code == code, ours.error


def test_kseal_verify_asks_the_controller(ground: Ground, sealed: str) -> None:
    where = f"--controller-namespace={ground.namespace}"
    assert ground.kseal("verify", where, stdin=sealed) == Did(0, "", "")
    did = ground.kseal("verify", where, stdin=moved(sealed))
    assert (did.code, did.output) == (1, "")
    assert did.error == "kseal: error: stdin: SealedSecret/shop/moved: the controller cannot open it\n"


def test_update_live_keeps_the_ciphertext_of_equal_values(ground: Ground) -> None:
    namespace = ground.plane.create_namespace()
    where = f"--controller-namespace={ground.namespace}"

    def secret(**values: str) -> str:
        metadata = {"name": "db", "namespace": namespace}
        return json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": values})

    path = ground.folder / "live.yaml"
    assert ground.kseal("seal", where, "-w", "live.yaml", stdin=secret(same="x", other="old")).code == 0
    before: dict[str, Any] = yaml.safe_load(path.read_text())["spec"]["encryptedData"]
    ground.plane.kubectl("apply", "--filename=-", input=path.read_text())
    ground.plane.kubectl("wait", "--for=condition=Synced", "--namespace", namespace, "sealedsecret/db", "--timeout=30s")
    did = ground.kseal("seal", where, "--update", "live.yaml", "--live", stdin=secret(same="x", other="new"))
    assert did == Did(0, "", "")
    after = yaml.safe_load(path.read_text())["spec"]["encryptedData"]
    assert after["same"] == before["same"]
    assert after["other"] != before["other"]
    # The file is ahead of the cluster now: what the live Secret says of this item counts no more.
    did = ground.kseal("seal", where, "--update", "live.yaml", "--live", stdin=secret(same="x", other="old"))
    assert did.code == 0
    assert yaml.safe_load(path.read_text())["spec"]["encryptedData"]["other"] not in (after["other"], before["other"])


def without_ciphertext(text: str) -> Any:
    raw = json.loads(text)
    raw["spec"]["encryptedData"] = sorted(raw["spec"]["encryptedData"])
    return raw
