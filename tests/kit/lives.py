"""Whole lives of a delivery under a controller that may die: what is done, and whether all is as it should be then.

One life is the reference scenario in namespaces of its own: delivered, changed by a commit (one object edited, one
added, one removed), one Kustomization deleted, then everything deleted. After each of these phases nothing may be
missing, orphaned, or made anew that was there.
"""

from collections.abc import Callable, Set
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

from tests.kit.controlplane import ControlPlane
from tests.kit.deliveries import git_repository, kustomizations, reference
from tests.kit.errors import Died
from tests.kit.faults import Trap
from tests.kit.flux import OurController, Server
from tests.kit.fluxground import FluxGround, ready, revision
from tests.kit.fluxobjects import install_definitions
from tests.kit.gitserver import GitServer
from tests.kit.process import Nest, wait_until
from tests.kit.workcopy import WorkCopy

_NAMES: Final = ("infrastructure", "web-staging", "web-production")
_KINDS: Final = {
    "_Namespace": "/api/v1/namespaces",
    "_ConfigMap": "/api/v1/configmaps",
    "_ResourceQuota": "/api/v1/resourcequotas",
    "_Service": "/api/v1/services",
    "_ServiceAccount": "/api/v1/serviceaccounts",
    "apps_Deployment": "/apis/apps/v1/deployments",
    "networking.k8s.io_Ingress": "/apis/networking.k8s.io/v1/ingresses",
}
"""All that the scenario delivers; group and kind as an inventory has them."""
_OWNER: Final = "kustomize.toolkit.fluxcd.io"


class End(NamedTuple):
    """How a phase has to end."""

    is_done: Callable[[], bool]
    what: str
    expected: Set[str]
    """The objects that are there then, by their names in an inventory."""


Phase = Callable[[], End]


class Object(NamedTuple):
    """A live object that somebody delivered."""

    owner: str
    uid: str
    raw: dict[str, Any]


class Broken(AssertionError):
    """Something is not as it should be after a death."""


class Life:
    """One life, in a namespace where nobody else works."""

    def __init__(
        self, ground: FluxGround, server: Server, trap: Trap, *, again: Callable[[], int | None] = lambda: None
    ) -> None:
        """`again` says after a death at which write to die the next time."""
        self.ground = ground
        self._server = server
        self._trap = trap
        self._known: dict[str, Object] = {}
        """By the name in an inventory: what was found after the phase before."""
        self._alive: list[str] = list(_NAMES)
        self._again = again
        self._phase = ""
        self._armed = 0
        self._restarts = 0
        self.deaths: list[str] = []
        """In which phase it died, and before which write."""

    @property
    def phases(self) -> dict[str, Phase]:
        """What happens, in order; each begins something, and says how it has to end."""
        return {
            "deliver": self._deliver,
            "change": self._change,
            "delete one": self._delete_one,
            "delete all": self._delete_all,
        }

    def live(self, arm: Callable[[str], int | None]) -> None:
        """Go through all phases; `arm` says of each at which write to die. Raises: Broken; TimeoutError."""
        for name, phase in self.phases.items():
            self._phase = name
            begun = (self._armed, self._restarts)
            number = arm(name)
            self._arm(number)
            try:
                end = phase()
                self._settle(end)
                while self._restarts - begun[1] < self._armed - begun[0] and self._trap.disarm():
                    # It fell into the trap after the last write that counts.
                    wait_until(self._is_dead, "it is dead")
                    self._settle(end)
                self.check(end.expected)
            except (AssertionError, TimeoutError) as error:
                error.add_note(f'phase "{name}", death at write {number}; passed: {self._trap.passed}')
                error.add_note(self._server.process.log_tail())
                raise
            finally:
                self._trap.disarm()

    def _arm(self, number: int | None) -> None:
        if number is not None:
            self._trap.arm(number)
            self._armed += 1

    # Phases

    def _deliver(self) -> End:
        ground = self.ground
        ground.repository.write_all(reference(ground.names))
        ground.repository.push("the reference scenario")
        self._create(git_repository(ground.repository, ground.namespace))
        self._create(*kustomizations(ground.namespace, wait=True))
        return End(self._is_delivered, "everything is delivered", self._expected())

    def _change(self) -> End:
        ground, files = self.ground, self.ground.repository
        files.edit("apps/web/overlays/staging/level.yaml", "debug", "trace")
        files.write("infrastructure/more.yaml", _config(ground.names.staging))
        files.remove("apps/web/overlays/production/account.yaml")
        files.edit("apps/web/overlays/production/kustomization.yaml", ',\n    "account.yaml"', "")
        ground.deliver()
        expected = self._expected() - {f"{ground.names.production}_web__ServiceAccount"}
        return End(
            self._is_delivered, "the change is delivered", expected | {f"{ground.names.staging}_more__ConfigMap"}
        )

    def _delete_one(self) -> End:
        self._alive.remove("web-staging")
        self.ground.delete("kustomization", "web-staging")
        rest = {name for name, found in self._known.items() if found.owner != "web-staging"}
        return End(lambda: not self._exists("kustomization", "web-staging"), "web-staging is gone", rest)

    def _delete_all(self) -> End:
        for name in self._alive:
            self.ground.delete("kustomization", name)
        self.ground.delete("gitrepository", "fleet")
        gone = [("gitrepository", "fleet"), *(("kustomization", name) for name in self._alive)]
        self._alive = []
        return End(lambda: not any(self._exists(*one) for one in gone), "everything is gone", set())

    # Whether all is well

    def check(self, expected: Set[str]) -> None:
        """Raises: Broken for what is there and should not be, is missing, was made anew, or is in no inventory."""
        found = self.objects()
        if expected != found.keys():
            raise Broken(f"missing: {sorted(expected - found.keys())}, left over: {sorted(found.keys() - expected)}")
        again = [name for name, one in found.items() if name in self._known and self._known[name].uid != one.uid]
        if again:
            raise Broken(f"deleted and made anew: {again}")
        for owner in self._alive:
            entries = self.ground.get("kustomization", owner)["status"]["inventory"]["entries"]
            listed = {entry["id"] for entry in entries}
            owned = {name for name, one in found.items() if one.owner == owner}
            if listed != owned:
                raise Broken(f"{owner}: only in the inventory {listed - owned}, not in it {owned - listed}")
        self._check_values(found)
        self._known = found

    def objects(self) -> dict[str, Object]:
        """What is delivered from this namespace and not being deleted, by its name in an inventory."""
        found = {}
        selector = f"?labelSelector={_OWNER}%2Fnamespace%3D{self.ground.namespace}"
        for kind, path in _KINDS.items():
            for raw in self.ground.plane.api.json("GET", path + selector)["items"]:
                metadata = raw["metadata"]
                if "deletionTimestamp" not in metadata:
                    name = f"{metadata.get('namespace', '')}_{metadata['name']}_{kind}"
                    found[name] = Object(metadata["labels"][f"{_OWNER}/name"], metadata["uid"], raw)
        return found

    def _check_values(self, found: dict[str, Object]) -> None:
        """What is in the cluster is what is in Git."""
        for overlay, namespace in self.ground.names._asdict().items():
            web = found.get(f"{namespace}_web_apps_Deployment")
            if web is None:
                continue
            (container,) = web.raw["spec"]["template"]["spec"]["containers"]
            level = container["env"][0]["value"]
            if f"value: {level}\n" not in self.ground.repository.read(f"apps/web/overlays/{overlay}/level.yaml"):
                raise Broken(f"{overlay} is at level {level}")

    def _expected(self) -> set[str]:
        staging, production = self.ground.names
        web = ("apps_Deployment", "_Service", "networking.k8s.io_Ingress")
        return {
            *(f"_{namespace}__Namespace" for namespace in (staging, production)),
            f"{staging}_pods__ResourceQuota",
            f"{production}_web__ServiceAccount",
            *(f"{namespace}_web_{kind}" for namespace in (staging, production) for kind in web),
        }

    # Doing it

    def _is_delivered(self) -> bool:
        wanted = self.ground.repository.revision
        listed = self.ground.plane.api.json("GET", self.ground.path("kustomization", "").rstrip("/"))["items"]
        done = [one for one in listed if ready(one).get("status") == "True" and revision(one) == wanted]
        return {one["metadata"]["name"] for one in done} == {*self._alive}

    def _exists(self, kind: str, name: str) -> bool:
        return self.ground.find(self.ground.path(kind, name)) is not None

    def _create(self, *objects: dict[str, Any]) -> None:
        for raw in objects:
            kind = raw["kind"].lower()
            self.ground.plane.api.ensure(self.ground.path(kind, "").rstrip("/"), raw)

    def _settle(self, end: End) -> None:
        """Wait, and start the controller again when it died."""

        def look() -> bool:
            if self._is_dead():
                if not self._trap.has_struck:
                    raise Broken(f"the controller ended by itself:\n{self._server.process.log_tail()}")
                self._server.kill()  # its children, too: the container is gone
                self.deaths.append(f"{self._phase}: {self._trap.passed[-1]}")
                self._arm(self._again())
                try:
                    self._server.start()
                except Died:
                    if not self._trap.has_struck:
                        raise
                self._restarts += 1
            return end.is_done()

        wait_until(look, end.what, limit_seconds=60)

    def _is_dead(self) -> bool:
        return self._server.process.poll() is not None


class Nursery:
    """Where lives begin: a control plane, a Git server, and one controller for all. Use as a context manager."""

    def __init__(self, plane: ControlPlane, folder: Path) -> None:
        self._plane = plane
        self._folder = folder

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            install_definitions(self._plane)
            (self._folder / "host").mkdir(parents=True)
            self._host = stack.enter_context(GitServer(self._folder / "host"))
            nest = stack.enter_context(Nest("lives"))
            self._trap = Trap(nest.folder / "trap")
            flags = ["--requeue-dependency=1s"]
            self._controller = OurController(nest, self._plane, flags=flags, program=self._trap.program).start()
            stack.callback(self._controller.stop)
            self._held = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def life(self, again: Callable[[], int | None] = lambda: None) -> Life:
        """A new one, in a namespace of its own."""
        namespace = self._plane.create_namespace("life")
        copy = WorkCopy(self._host, self._folder / namespace, namespace)
        return Life(FluxGround(self._plane, copy, namespace), self._controller, self._trap, again=again)


def _config(namespace: str) -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: more\n  namespace: {namespace}\ndata:\n  more: value\n"
