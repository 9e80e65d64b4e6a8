"""Under lock-down a build reads its own files and nothing else, and takes no more than its share."""

import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from tests.kit.deliveries import git_repository
from tests.kit.gitserver import GitServer
from tests.kit.process import wait_until
from tests.kit.tenants import LockedDown, Tenant, Tripwire, config_map

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

OUTSIDE: Final = "what-stands-outside"
Files = Mapping[str, str]


class Hostile(NamedTuple):
    """Files of one folder, links of it, fields of its spec, and a word of the refusal."""

    files: Files
    told: str = ""
    links: Mapping[str, str] = {}
    spec: Mapping[str, Any] = {}


def kustomization(**fields: Any) -> dict[str, str]:
    head = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
    return {"kustomization.yaml": json.dumps({**head, **fields}), "own.yaml": config_map("own")}


def function(**annotations: str) -> str:
    """A transformer that kustomize would start as a program or a container."""
    return json.dumps(
        {
            "apiVersion": "evil.example/v1",
            "kind": "Evil",
            "metadata": {
                "name": "evil",
                "annotations": {f"config.kubernetes.io/{k}": v for k, v in annotations.items()},
            },
        }
    )


def generator(path: str) -> dict[str, str]:
    return kustomization(configMapGenerator=[{"name": "loot", "files": [f"loot={path}"]}])


def escapes(outside: Path, wire: Tripwire) -> dict[str, Hostile]:
    """`outside` is a file of the machine that the controller may read."""
    up = f"../../../../../../../../../../../../../..{outside}"
    url = f"http://{wire.host}"
    return {
        "link-to-file": Hostile(kustomization(resources=["loot.yaml"]), links={"loot.yaml": str(outside)}),
        "link-upwards": Hostile(kustomization(resources=["loot.yaml"]), links={"loot.yaml": up}),
        "link-to-folder": Hostile(kustomization(resources=["loot"]), links={"loot": str(outside.parent)}),
        "link-generated": Hostile(generator("loot.yaml"), links={"loot.yaml": str(outside)}),
        "link-to-kustomization": Hostile(
            {"own.yaml": config_map("own")}, "", links={"kustomization.yaml": str(outside)}, spec={"optional": True}
        ),
        "upwards": Hostile(kustomization(resources=[up])),
        "absolute": Hostile(kustomization(resources=[str(outside)])),
        "generator": Hostile(generator(up)),
        "generator-absolute": Hostile(generator(str(outside))),
        "generator-proc": Hostile(generator("/proc/self/environ")),
        "generator-parent": Hostile(generator("../../../../proc/self/environ")),
        "environment": Hostile(kustomization(configMapGenerator=[{"name": "loot", "envs": [str(outside)]}])),
        "secret-generator": Hostile(kustomization(secretGenerator=[{"name": "loot", "files": [up]}])),
        "patch": Hostile(
            kustomization(resources=["own.yaml"], patches=[{"path": up, "target": {"kind": "ConfigMap"}}])
        ),
        "component": Hostile(kustomization(components=[up])),
        "component-of-spec": Hostile(kustomization(resources=["own.yaml"]), spec={"components": [up]}),
        "openapi": Hostile(kustomization(resources=["own.yaml"], openapi={"path": str(outside)})),
        "openapi-upwards": Hostile(kustomization(resources=["own.yaml"], openapi={"path": up})),
        "crds": Hostile(kustomization(resources=["own.yaml"], crds=[up])),
        "configurations": Hostile(kustomization(resources=["own.yaml"], configurations=[up])),
        "replacements": Hostile(kustomization(resources=["own.yaml"], replacements=[{"path": up}])),
        "transformers": Hostile(kustomization(resources=["own.yaml"], transformers=[up])),
        "validators": Hostile(kustomization(resources=["own.yaml"], validators=[up])),
        "exec": Hostile(
            {
                **kustomization(resources=["own.yaml"], transformers=["evil.yaml"]),
                "evil.yaml": function(function="exec: {path: ./evil.sh}"),
                "evil.sh": "#!/bin/sh\ncat /proc/self/environ\n",
            }
        ),
        "container": Hostile(
            {
                **kustomization(resources=["own.yaml"], generators=["evil.yaml"]),
                "evil.yaml": function(function="container: {image: example/evil, network: true}"),
            }
        ),
        "chart": Hostile(
            kustomization(resources=["own.yaml"], helmCharts=[{"name": "evil", "repo": url, "version": "1.0.0"}])
        ),
        "chart-home": Hostile(
            kustomization(helmGlobals={"chartHome": str(outside.parent)}, helmCharts=[{"name": outside.name}])
        ),
        "base-http": Hostile(kustomization(resources=[f"{url}/base.yaml"])),
        "base-git": Hostile(kustomization(resources=[f"git::{url}/base.git?ref=main"])),
        "base-ssh": Hostile(kustomization(resources=[f"ssh://git@{wire.host}/base.git//app"])),
        "base-file": Hostile(kustomization(resources=[f"file://{outside}"])),
        "base-github": Hostile(kustomization(resources=["github.com/example/base?ref=main"])),
        "component-http": Hostile(kustomization(components=[f"{url}/base.git"])),
        "patch-http": Hostile(
            kustomization(resources=["own.yaml"], patches=[{"path": f"{url}/p.yaml", "target": {"kind": "ConfigMap"}}])
        ),
        "generator-http": Hostile(generator(f"{url}/loot")),
        "openapi-http": Hostile(kustomization(resources=["own.yaml"], openapi={"path": f"{url}/schema.json"})),
    }


def bomb() -> str:
    lines = ['a0: &a0 ["lol"]']
    lines += [f"a{n}: &a{n} [{', '.join(f'*a{n - 1}' for _ in range(10))}]" for n in range(1, 10)]
    return "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: bomb\n" + "\n".join(lines) + "\n"


def diamonds(levels: int = 20) -> dict[str, str]:
    """Each level takes the one below in twice."""
    files = {"kustomization.yaml": json.dumps({"resources": ["l0a", "l0b"]})}
    for level in range(levels):
        below = [f"../l{level + 1}{side}" for side in "ab"] if level + 1 < levels else []
        for side in "ab":
            folder = f"l{level}{side}"
            files[f"{folder}/kustomization.yaml"] = json.dumps({"namePrefix": side, "resources": [*below, "own.yaml"]})
            files[f"{folder}/own.yaml"] = config_map(f"own-{level}-{side}")
    return files


def expression(text: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "current": text}


def floods() -> dict[str, Hostile]:
    """What would take too much; `told` is empty where only the end counts."""
    many = "\n---\n".join(config_map(f"m{number}") for number in range(61))
    listed = [json.loads(config_map(f"m{number}")) for number in range(61)]
    checks = {"wait": True, "timeout": "30s"}
    everything = "[" + ",".join("0" * 90) + "]"
    nested = ".all(a, ".join(f"{everything}" for _ in range(7)) + ".all(a, true" + ")" * 7
    return {
        "objects": Hostile({"many.yaml": many}, "61 objects are built, and a Kustomization may have 60"),
        "listed-objects": Hostile(
            {"many.yaml": json.dumps({"apiVersion": "v1", "kind": "List", "items": listed})}, "may have 60"
        ),
        "documents": Hostile({"many.yaml": "---\n{}\n" * 200_000}, spec={"optional": True}),
        "empty-documents": Hostile(
            {"many.yaml": "---\n" * 400_000, "own.yaml": config_map("own")}, spec={"optional": True}
        ),
        "deep-flow": Hostile({"deep.yaml": "a: " + "[" * 100_000}),
        "deep-block": Hostile({"deep.yaml": "".join(f"{' ' * n}a:\n" for n in range(3000))}),
        "deep-json": Hostile({"deep.yaml": '{"a":' * 50_000 + "1" + "}" * 50_000}),
        "deep-kustomization": Hostile({"kustomization.yaml": "resources: " + "[" * 50_000}),
        "bomb": Hostile({"bomb.yaml": bomb()}),
        "bomb-kustomization": Hostile({"kustomization.yaml": bomb()}),
        "circle": Hostile({"kustomization.yaml": json.dumps({"resources": ["."]})}),
        "circle-of-two": Hostile(
            {
                "kustomization.yaml": json.dumps({"resources": ["other"]}),
                "other/kustomization.yaml": json.dumps({"resources": [".."]}),
            }
        ),
        "diamonds": Hostile(diamonds()),
        "long-line": Hostile({"long.yaml": "a" * (8 * 1024 * 1024)}),
        "variables": Hostile(
            {"own.yaml": config_map("own", data={"x": "${a}" * 200_000})},
            spec={"postBuild": {"substitute": {"a": "b" * 10_000}}},
        ),
        "pattern": Hostile(
            kustomization(
                resources=["own.yaml"],
                patches=[{"target": {"name": "(a+)+$" * 500}, "patch": '[{"op":"remove","path":"/data"}]'}],
            ),
            spec={"optional": True},
        ),
        "expression": Hostile(
            {"own.yaml": config_map("own")}, spec={**checks, "healthCheckExprs": [expression(nested)]}
        ),
        "deep-expression": Hostile(
            {"own.yaml": config_map("own")},
            spec={**checks, "healthCheckExprs": [expression("(" * 5000 + "true" + ")" * 5000)]},
        ),
        "expression-pattern": Hostile(
            {"own.yaml": config_map("own", data={"a": "a" * 5000 + "!"})},
            spec={**checks, "healthCheckExprs": [expression("data.data.a.matches('(a*)*b')")], "optional": True},
        ),
    }


class Attack:
    """All hostile folders in one repository, each delivered by a Kustomization of its own."""

    def __init__(self, tenant: Tenant, folders: Mapping[str, Hostile]) -> None:
        self.tenant = tenant
        self._folders = folders
        for name, hostile in folders.items():
            tenant.repository.write_all({f"{name}/{path}": text for path, text in hostile.files.items()})
            for path, target in hostile.links.items():
                (tenant.repository.folder / name / path).symlink_to(target)
        tenant.repository.push()
        tenant.apply(git_repository(tenant.repository, tenant.namespace))
        tenant.wait_ready("gitrepository", "fleet")
        apps = (self._app(name, hostile) for name, hostile in folders.items())
        tenant.apply(*apps)

    def _app(self, name: str, hostile: Hostile) -> dict[str, Any]:
        spec = {field: value for field, value in hostile.spec.items() if field != "optional"}
        app: dict[str, Any] = self.tenant.app(name, f"./{name}", retryInterval="1h", **spec)
        return app

    def told(self, name: str) -> str:
        """How the delivery of a folder was refused. One that is `optional` may as well be delivered without harm."""
        hostile = self._folders[name]
        if not hostile.spec.get("optional"):
            return self.tenant.wait_failed("kustomization", name, containing=hostile.told, limit_seconds=150)
        wait_until(
            lambda: self.tenant.ready("kustomization", name).get("status") in ("True", "False"), name, limit_seconds=150
        )
        return str(self.tenant.ready("kustomization", name)["message"])


@pytest.fixture(scope="module")
def attacker(
    locked_down: LockedDown, repositories: GitServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Mapping[str, Hostile]], Attack]]:
    tenants: list[Tenant] = []

    def attack(folders: Mapping[str, Hostile]) -> Attack:
        tenants.append(Tenant(locked_down.plane, repositories, tmp_path_factory.mktemp("attack")))
        return Attack(tenants[-1], folders)

    yield attack
    for tenant in tenants:
        tenant.suspend()


@pytest.fixture(scope="module")
def wire() -> Iterator[Tripwire]:
    with Tripwire() as one:
        yield one


@pytest.fixture(scope="module")
def escaping(
    attacker: Callable[[Mapping[str, Hostile]], Attack], wire: Tripwire, tmp_path_factory: pytest.TempPathFactory
) -> Attack:
    outside = tmp_path_factory.mktemp("outside") / "loot.yaml"
    outside.write_text(config_map("loot", data={"loot": OUTSIDE}))
    return attacker(escapes(outside, wire))


@pytest.fixture(scope="module")
def flooding(attacker: Callable[[Mapping[str, Hostile]], Attack]) -> Attack:
    return attacker(floods())


def _names(make: Callable[[], Mapping[str, Hostile]]) -> list[str]:
    return sorted(make())


class _Nowhere:
    host = "nowhere"


@pytest.mark.parametrize("name", _names(partial(escapes, Path("/nowhere/loot.yaml"), _Nowhere())))  # type: ignore[arg-type]
def test_a_build_reads_nothing_outside_its_source(escaping: Attack, wire: Tripwire, name: str) -> None:
    assert OUTSIDE not in escaping.told(name)
    maps = escaping.tenant.plane.api.text("GET", f"/api/v1/namespaces/{escaping.tenant.namespace}/configmaps")
    secrets = escaping.tenant.plane.api.text("GET", f"/api/v1/namespaces/{escaping.tenant.namespace}/secrets")
    assert OUTSIDE not in maps
    assert '"loot' not in maps + secrets
    assert wire.touched == 0


@pytest.mark.parametrize("name", _names(floods))
def test_a_build_that_takes_too_much_is_refused(flooding: Attack, name: str) -> None:
    assert len(flooding.told(name)) < 5000


def test_others_are_served_while_a_tenant_floods(flooding: Attack, tenant: Tenant) -> None:
    tenant.deliver_files({"one.yaml": config_map("one")})
    wait_until(lambda: tenant.config_map("one") is not None, "the other one is served", limit_seconds=20)


def test_a_repository_that_is_too_large_is_refused(tenant: Tenant) -> None:
    (tenant.repository.folder / "noise").write_bytes(secrets.token_bytes(52 << 20))
    tenant.push({"app/one.yaml": config_map("one")})
    tenant.apply(git_repository(tenant.repository, tenant.namespace))
    tenant.wait_failed("gitrepository", "fleet", limit_seconds=60)


def test_the_log_begins_with_the_guards_that_hold(locked_down: LockedDown) -> None:
    (told,) = locked_down.lines("guards")
    assert set(told["held"]) == {"no_new_privs", "limits", "landlock", "seccomp"}
    assert told["missing"] == []


def test_the_controller_has_lived_through_all_of_it(locked_down: LockedDown, escaping: Attack) -> None:
    assert locked_down.controller.process.poll() is None
    assert not [line for line in locked_down.lines() if "defect" in json.dumps(line)]
