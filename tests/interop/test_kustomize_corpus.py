"""Our build beside the real kustomize, object for object: generated overlays, and some made by hand.

The judge is the program itself, run over the same folder without our code: `kustomize create` makes the file that a
folder lacks, `kustomize edit` puts in what a resource adds, as Flux would, and `kustomize build` builds it. Each case
is built twice by us: by the jailed child, and by plain code, which either knows all of it or says that it does not.
"""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from engine.build import Builder, BuildError, Overlay
from engine.kube.yaml import Dialect, read_all, write
from engine.render.jail import Jail
from engine.source.archive import Limits
from engine.source.tree import of_folder
from tests.kit import programs

pytestmark = [pytest.mark.interop, pytest.mark.slow]

Files = dict[str, str]
Obj = dict[str, Any]
_SEEDS = 240
_NEEDS = "needs kustomize, and there is none"


@pytest.fixture(scope="module")
def kustomize() -> Path:
    return programs.find("kustomize")


@pytest.fixture(scope="module")
def builders(kustomize: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Builder, Builder]]:
    """By plain code alone, and by the child alone."""
    scratch = tmp_path_factory.mktemp("memory")
    with Jail() as jail:
        yield (
            Builder(kustomize=None, jail=jail, cache=None, remote_bases=False, scratch=scratch),
            Builder(kustomize=kustomize, jail=jail, cache=None, remote_bases=False, scratch=scratch, plain=False),
        )


Compare = Callable[..., str]


@pytest.fixture
def compare(kustomize: Path, builders: tuple[Builder, Builder], tmp_path: Path) -> Compare:
    """Build one case in all ways; returns who of ours built it: "plain", "child", or "nobody" where all refuse."""

    def judged(files: Files, overlay: Overlay | None = None) -> str:
        overlay = overlay or Overlay()
        source = tmp_path / "source"
        shutil.rmtree(source, ignore_errors=True)
        for path, text in files.items():
            (source / path).parent.mkdir(parents=True, exist_ok=True)
            (source / path).write_text(text)
        tree = of_folder(source, limits=Limits())
        plain, child = (_built(builder, tree, overlay) for builder in builders)
        wanted = _judge(kustomize, source, overlay)
        if wanted is None:
            assert isinstance(child, BuildError), "the original refuses it"
            assert isinstance(plain, BuildError), "the original refuses it"
            return "nobody"
        if isinstance(child, BuildError):
            raise child
        assert list(child) == wanted
        if isinstance(plain, BuildError):
            assert _NEEDS in plain.message
            return "child"
        assert list(plain) == wanted
        return "plain"

    return judged


def _built(builder: Builder, tree: Any, overlay: Overlay) -> tuple[Obj, ...] | BuildError:
    try:
        return builder.build(tree, overlay).objects
    except BuildError as error:
        return error


def _judge(kustomize: Path, source: Path, overlay: Overlay) -> list[Obj] | None:
    """What the original makes of it, None when it refuses."""
    folder = source / overlay.path

    def run(*arguments: str) -> str | None:
        done = subprocess.run([kustomize, *arguments], cwd=folder, capture_output=True, text=True, check=False)
        return done.stdout if done.returncode == 0 else None

    names = ("kustomization.yaml", "kustomization.yml", "Kustomization")
    if not any((folder / name).exists() for name in names):
        assert run("create", "--autodetect", "--recursive") is not None
    for arguments in _edits(overlay):
        if run("edit", *arguments) is None:
            return None
    file = next(folder / name for name in names if (folder / name).exists())
    value = read_all(file.read_bytes(), dialect=Dialect.V2, source="x")[0]
    if not value.get("resources"):
        value["buildMetadata"] = ["originAnnotations"]
    if overlay.patches:
        value["patches"] = [*value.get("patches", []), *overlay.patches]
    file.write_text(write(value))
    output = run("build", "--load-restrictor=LoadRestrictionsNone", "--reorder=none", ".")
    return None if output is None else read_all(output.encode(), dialect=Dialect.V2, source="x")


def _edits(overlay: Overlay) -> Iterator[list[str]]:
    if overlay.target_namespace:
        yield ["set", "namespace", overlay.target_namespace]
    if overlay.name_prefix:
        yield ["set", "nameprefix", overlay.name_prefix]
    if overlay.name_suffix:
        yield ["set", "namesuffix", "--", overlay.name_suffix]
    for component in overlay.components:
        yield ["add", "component", component]
    for image in overlay.images:
        name = image["name"] + (f"={image['newName']}" if image.get("newName") else "")
        yield ["set", "image", name + (f":{image['newTag']}" if image.get("newTag") else "")]
    for option in overlay.build_metadata:
        yield ["add", "buildmetadata", option]


# --- what the cases are made of -------------------------------------------------------------------------------------


def _pod(chosen: Random, app: str) -> Obj:
    container: Obj = {
        "name": "main",
        "image": chosen.choice(("nginx:1.25", "images.example/a/b@sha256:0", "reg:5000/x/y:v1", "nginx")),
    }
    if chosen.random() < 0.5:
        container["env"] = [
            {"name": "A", "value": chosen.choice(("1", "yes", "2001-01-01", "a b"))},
            {"name": "B", "valueFrom": {"configMapKeyRef": {"name": f"{app}-config", "key": "a"}}},
            {"name": "C", "valueFrom": {"secretKeyRef": {"name": f"{app}-secret", "key": "b"}}},
        ]
    if chosen.random() < 0.5:
        container["envFrom"] = [{"configMapRef": {"name": f"{app}-config"}}, {"secretRef": {"name": "elsewhere"}}]
    if chosen.random() < 0.5:
        container["ports"] = [{"containerPort": 8080, "name": "http"}, {"containerPort": 9090, "protocol": "TCP"}]
    if chosen.random() < 0.5:
        container["args"] = ["--x=1", "run"]
    spec: Obj = {"containers": [container]}
    if chosen.random() < 0.4:
        spec["containers"].append({"name": "side", "image": "busybox:1.36", "command": ["sh", "-c", "true"]})
    if chosen.random() < 0.4:
        spec["initContainers"] = [{"name": "init", "image": "nginx:1.25"}]
    if chosen.random() < 0.6:
        spec["serviceAccountName"] = app
    if chosen.random() < 0.5:
        spec["volumes"] = [
            {"name": "c", "configMap": {"name": f"{app}-config"}},
            {"name": "s", "secret": {"secretName": f"{app}-secret"}},
            {"name": "p", "projected": {"sources": [{"configMap": {"name": f"{app}-config"}}]}},
            {"name": "e", "emptyDir": {}},
        ]
        container["volumeMounts"] = [{"name": "c", "mountPath": "/c"}, {"name": "s", "mountPath": "/s"}]
    return spec


def _workload(chosen: Random, app: str) -> Obj:
    kind = chosen.choice(("Deployment", "Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"))
    labels = {"app": app}
    template = {"metadata": {"labels": labels}, "spec": _pod(chosen, app)}
    spec: Obj = {"template": template}
    if kind in ("Deployment", "StatefulSet", "DaemonSet"):
        spec["selector"] = {"matchLabels": labels}
    if kind in ("Deployment", "StatefulSet") and chosen.random() < 0.7:
        spec["replicas"] = chosen.randint(0, 3)
    if kind == "StatefulSet":
        spec["serviceName"] = app
        spec["volumeClaimTemplates"] = [{"metadata": {"name": "data"}, "spec": {"storageClassName": f"{app}-fast"}}]
    if kind in ("Job", "CronJob"):
        template["spec"]["restartPolicy"] = "Never"
    if kind == "CronJob":
        spec = {"schedule": "*/5 * * * *", "jobTemplate": {"spec": spec}}
    return {
        "apiVersion": "batch/v1" if "Job" in kind else "apps/v1",
        "kind": kind,
        "metadata": {"name": app},
        "spec": spec,
    }


def _others(chosen: Random, app: str) -> list[Obj]:
    rbac = "rbac.authorization.k8s.io"

    def role(kind: str, cluster: str) -> Obj:
        subjects = [
            {
                "kind": "ServiceAccount",
                "name": app,
                **chosen.choice(({}, {"namespace": "default"}, {"namespace": "far"})),
            },
            {"kind": "ServiceAccount", "name": "default", "namespace": "other"},
            {"kind": "User", "name": "jane", "apiGroup": rbac},
        ]
        return {
            "apiVersion": f"{rbac}/v1",
            "kind": kind,
            "metadata": {"name": f"{app}-{kind.lower()}"},
            "roleRef": {"apiGroup": rbac, "kind": cluster, "name": app},
            "subjects": subjects[: chosen.randint(1, 3)],
        }

    def named(version: str, kind: str, name: str = app, **fields: Any) -> Obj:
        return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **fields}

    rules = [{"apiGroups": [""], "resources": ["secrets"], "resourceNames": [f"{app}-secret"], "verbs": ["get"]}]
    hook = {"name": "a.b.c", "clientConfig": {"service": {"name": app, "namespace": "default", "path": "/x"}}}
    all_of_them = [
        named("v1", "Service", spec={"selector": {"app": app}, "ports": [{"port": 80, "targetPort": "http"}]}),
        named("v1", "ServiceAccount", imagePullSecrets=[{"name": f"{app}-secret"}]),
        named("v1", "ConfigMap", f"{app}-config", data={"a": "1", "b": "x\ny\n", "c": "yes"}),
        named("v1", "Secret", f"{app}-secret", stringData={"b": "secret"}, type="Opaque"),
        named(
            "networking.k8s.io/v1",
            "Ingress",
            spec={
                "tls": [{"hosts": ["a.b"], "secretName": f"{app}-secret"}],
                "rules": [
                    {
                        "host": "a.b",
                        "http": {"paths": [{"backend": {"service": {"name": app, "port": {"number": 80}}}}]},
                    }
                ],
            },
        ),
        named(
            "autoscaling/v2", "HorizontalPodAutoscaler", spec={"scaleTargetRef": {"kind": "Deployment", "name": app}}
        ),
        named("policy/v1", "PodDisruptionBudget", spec={"selector": {"matchLabels": {"app": app}}, "minAvailable": 1}),
        named("networking.k8s.io/v1", "NetworkPolicy", spec={"podSelector": {"matchLabels": {"app": app}}}),
        named(f"{rbac}/v1", "Role", rules=rules),
        named(f"{rbac}/v1", "ClusterRole", rules=rules),
        role("RoleBinding", "Role"),
        role("RoleBinding", "ClusterRole"),
        role("ClusterRoleBinding", "ClusterRole"),
        named("v1", "Namespace", f"{app}-space"),
        named("v1", "PersistentVolumeClaim", spec={"storageClassName": f"{app}-fast"}),
        named("storage.k8s.io/v1", "StorageClass", f"{app}-fast", provisioner="x"),
        named("example.com/v1", "Widget", spec={"size": 1.5, "parts": [1, "2", True, None], "image": "nginx:1.25"}),
        named(
            "example.com/v1", "Widget", f"{app}-2", spec={"containers": [{"image": "nginx:1.25"}], "at": "2001-01-01"}
        ),
        named(
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            f"{app}s.example.com",
            spec={
                "group": "example.com",
                "conversion": {"webhook": {"clientConfig": {"service": {"name": app, "namespace": "x"}}}},
            },
        ),
        named("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", webhooks=[hook]),
        named(
            "apiregistration.k8s.io/v1",
            "APIService",
            f"v1.{app}.y",
            spec={"service": {"name": app, "namespace": "old"}},
        ),
    ]
    count = chosen.randint(2, 9)
    found = chosen.sample(all_of_them, count)
    if chosen.random() < 0.3:
        found[0]["metadata"]["namespace"] = chosen.choice(("default", "far"))
    if chosen.random() < 0.3:
        found[-1]["metadata"] |= {"labels": {"tier": "x"}, "annotations": {"note": "1"}}
    return list({(one["kind"], one["metadata"]["name"]): one for one in found}.values())


def _objects(chosen: Random, app: str) -> list[Obj]:
    return [_workload(chosen, app), *_others(chosen, app)]


def _manifests(chosen: Random, folder: str, objects: list[Obj]) -> Files:
    """Some files with these objects, in pieces of any size, as streams or as lists."""
    files: Files = {}
    left = list(objects)
    while left:
        some = [left.pop(0) for _ in range(min(len(left), chosen.randint(1, 4)))]
        name = f"{folder}{chosen.choice('abcxyz')}{len(files)}.{chosen.choice(('yaml', 'yaml', 'yml'))}"
        if chosen.random() < 0.15:
            files[name] = write({"apiVersion": "v1", "kind": "List", "items": some})
        else:
            files[name] = chosen.choice(("", "---\n", "# a comment\n---\n")) + "---\n".join(map(write, some))
    return files


def _merge_patch(chosen: Random, target: Obj) -> Obj:
    patch: Obj = {
        "apiVersion": target["apiVersion"],
        "kind": target["kind"],
        "metadata": {"name": target["metadata"]["name"]},
    }
    if "namespace" in target["metadata"]:
        patch["metadata"]["namespace"] = target["metadata"]["namespace"]
    where = target.get("spec", {})
    template = where.get("jobTemplate", {}).get("spec", {}).get("template") or where.get("template")
    if template is None or chosen.random() < 0.3:
        patch["metadata"]["labels"] = {"patched": "yes"}
        if target["kind"] == "Widget" and chosen.random() < 0.6:
            patch["spec"] = chosen.choice(({"parts": [2, {"a": "b"}], "size": 2}, {"deep": {"er": 1}, "size": None}))
        return patch
    container: Obj = {"name": chosen.choice(("main", "main", "new")), "imagePullPolicy": "Always"}
    for field, value in (
        ("env", [{"name": "A", "value": "patched"}, {"name": "Z", "value": "z"}]),
        ("args", ["--patched"]),
        ("volumeMounts", [{"name": "n", "mountPath": "/c"}]),
        ("resources", {"limits": {"cpu": "1"}}),
        ("image", "patched:1"),
        ("ports", [{"containerPort": 8080, "name": "web"}]),
        ("command", None),
    ):
        if chosen.random() < 0.3:
            container[field] = value
    spec: Obj = {"template": {"spec": {"containers": [container]}}}
    if chosen.random() < 0.2:
        spec["template"]["spec"]["nodeSelector"] = {"disk": "ssd"}
    if chosen.random() < 0.2:
        spec["template"]["spec"]["serviceAccountName"] = None
    patch["spec"] = {"jobTemplate": {"spec": spec}} if target["kind"] == "CronJob" else spec
    return patch


def _operations(chosen: Random, target: Obj) -> list[Obj]:
    found = [
        {"op": "add", "path": "/metadata/labels", "value": {"by": "patch"}},
        {"op": "replace", "path": "/metadata/name", "value": "renamed"},
        {"op": "add", "path": "/spec/added", "value": {"a": [1, "x", None]}},
        {"op": "add", "path": "/metadata/annotations", "value": {"a.b/c": "d"}},
        {"op": "remove", "path": "/metadata/name"}
        if chosen.random() < 0.05
        else {"op": "test", "path": "/kind", "value": target["kind"]},
    ]
    if "spec" not in target:
        del found[2]
    return chosen.sample(found, chosen.randint(1, 2))


def _patch(chosen: Random, objects: list[Obj]) -> Obj:
    target = chosen.choice(objects)
    selector: Obj = {"kind": target["kind"]}
    if chosen.random() < 0.7:
        selector["name"] = chosen.choice((target["metadata"]["name"], ".*", target["metadata"]["name"][:1] + ".+"))
    if chosen.random() < 0.4:
        return {"patch": write(_operations(chosen, target)), "target": selector}
    patch = {"patch": write(_merge_patch(chosen, target))}
    return {**patch, "target": selector} if chosen.random() < 0.5 else patch


def _kustomization(chosen: Random, objects: list[Obj], folder: str, files: Files) -> Obj:
    """Some of what a kustomization can say about these objects; files that it names are added."""
    value: Obj = {}
    some = {
        "namespace": lambda: chosen.choice(("one", "two", "default")),
        "namePrefix": lambda: chosen.choice(("p-", "q-")),
        "nameSuffix": lambda: chosen.choice(("-s", "-v2")),
        "commonLabels": lambda: {"team": "a", "n": "1"},
        "commonAnnotations": lambda: {"note": "x"},
        "labels": lambda: [
            {"pairs": {"l": "m"}, **chosen.choice(({}, {"includeSelectors": True}, {"includeTemplates": True}))}
        ],
        "images": lambda: [
            {
                "name": chosen.choice(("nginx", "reg:5000/x/y", "images.example/a/b")),
                **chosen.choice(({"newTag": "9"}, {"newName": "z/n"}, {"digest": "sha256:1"})),
            }
        ],
        "patches": lambda: [_patch(chosen, objects) for _ in range(chosen.randint(1, 2))],
        "configMapGenerator": lambda: [
            {
                "name": f"made-{folder[:1]}",
                "literals": ["a=b", 'q="x y"'],
                "files": ["file.txt", "k=file.txt"],
                "envs": ["vars.env"],
            }
        ],
        "secretGenerator": lambda: [
            {"name": f"hidden-{folder[:-1]}", "literals": ["p=" + "x" * chosen.choice((10, 60, 200))], "type": "Opaque"}
        ],
        "generatorOptions": lambda: {"labels": {"made": "yes"}, "disableNameSuffixHash": chosen.random() < 0.4},
    }
    for field in chosen.sample(list(some), chosen.randint(1, 4)):
        value[field] = some[field]()
    scaled = [one for one in objects if one["kind"] in ("Deployment", "StatefulSet")]
    if scaled and chosen.random() < 0.3:
        value["replicas"] = [{"name": scaled[0]["metadata"]["name"], "count": 7}]
    if "configMapGenerator" in value:
        files[f"{folder}file.txt"] = "some <text> & more\n" + "é\n"
        files[f"{folder}vars.env"] = "# a comment\nA=1\n  B=x=y\nC\n\n"
    return value


def _case(seed: int) -> tuple[Files, Overlay]:
    """A plain folder, a kustomization, or an overlay over a base with or without a component; and what Flux adds."""
    chosen = Random(seed)  # noqa: S311
    form = ("plain", "single", "layered", "component")[seed % 4]
    objects = _objects(chosen, "web")
    files: Files = {}
    if form == "plain":
        files |= _manifests(chosen, "app/", objects)
        if chosen.random() < 0.4:
            files |= _manifests(
                chosen,
                "app/sub/",
                [
                    {**one, "metadata": {**one["metadata"], "name": "x-" + one["metadata"]["name"]}}
                    for one in objects[:2]
                ],
            )
    else:
        base = "app/" if form == "single" else "base/"
        listed = _manifests(chosen, base, objects)
        value = {"resources": [path.removeprefix(base) for path in listed]}
        value |= _kustomization(chosen, objects, base, files) if form != "layered" or chosen.random() < 0.5 else {}
        files |= {**listed, f"{base}kustomization.yaml": write(value)}
    if form in ("layered", "component"):
        value = {"resources": ["../base"], **_kustomization(chosen, objects, "app/", files)}
        if form == "component":
            part = {"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component"}
            files["part/kustomization.yaml"] = write({**part, **_kustomization(chosen, objects, "part/", files)})
            value["components"] = ["../part"]
        if chosen.random() < 0.4:
            more = _manifests(chosen, "app/", _objects(chosen, "more"))
            files |= more
            value["resources"] += [path.removeprefix("app/") for path in more]
        files["app/kustomization.yaml"] = write(value)
    overlay = Overlay(
        path="app",
        target_namespace=chosen.choice(("", "", "target")),
        name_prefix=chosen.choice(("", "", "", "pre-")),
        name_suffix=chosen.choice(("", "", "", "-post")),
        patches=(_patch(chosen, objects),) if chosen.random() < 0.2 else (),
        images=({"name": "busybox", "newTag": "8"},) if chosen.random() < 0.2 else (),
    )
    return files, overlay


@pytest.mark.parametrize("seed", range(_SEEDS))
def test_a_generated_overlay_is_built_as_kustomize_builds_it(compare: Compare, seed: int) -> None:
    compare(*_case(seed))


_BY_HAND: dict[str, Files] = read_all(
    Path(__file__).with_name("kustomize_by_hand.yaml").read_bytes(), dialect=Dialect.V3, source="kustomize_by_hand.yaml"
)[0]
_ADDED = {"nothing": Overlay(), "all": Overlay(target_namespace="t", name_prefix="a-", name_suffix="-z")}


@pytest.mark.parametrize("added", _ADDED)
@pytest.mark.parametrize("name", _BY_HAND)
def test_an_overlay_made_by_hand_is_built_as_kustomize_builds_it(compare: Compare, name: str, added: str) -> None:
    compare(_BY_HAND[name], _ADDED[added])


def test_most_of_the_corpus_needs_no_child(compare: Compare) -> None:
    ways = [compare(*_case(seed)) for seed in range(0, _SEEDS, 6)]
    assert ways.count("plain") >= len(ways) // 2
    assert ways.count("nobody") <= len(ways) // 5


# --- beside Flux itself ---------------------------------------------------------------------------------------------

_OWNER = ("kustomize.toolkit.fluxcd.io/name", "kustomize.toolkit.fluxcd.io/namespace")


@pytest.fixture
def compare_with_flux(builders: tuple[Builder, Builder], tmp_path: Path) -> Compare:
    """Build one case as `flux build kustomization` does, and as we do."""
    flux = programs.find("flux")

    def judged(files: Files, overlay: Overlay) -> str:
        source = tmp_path / "source"
        shutil.rmtree(source, ignore_errors=True)
        for path, text in files.items():
            (source / path).parent.mkdir(parents=True, exist_ok=True)
            (source / path).write_text(text)
        plain, child = (_built(builder, of_folder(source, limits=Limits()), overlay) for builder in builders)
        (tmp_path / "kustomization.yaml").write_text(write(_as_resource(overlay)))
        # Inside of the source, since its root is what the program takes for it.
        command = [flux, "build", "kustomization", "app", "--dry-run", "--path", overlay.path or "."]
        command += ["--kustomization-file", tmp_path / "kustomization.yaml"]
        done = subprocess.run(command, cwd=source, capture_output=True, check=False, env={"HOME": str(tmp_path)})
        if done.returncode:
            assert isinstance(child, BuildError), done.stderr
            return "nobody"
        wanted = _by_name(map(_disowned, read_all(done.stdout, dialect=Dialect.V2, source="x")))
        assert not isinstance(child, BuildError), child.message
        assert _by_name(child) == wanted
        if isinstance(plain, BuildError):
            assert _NEEDS in plain.message
            return "child"
        assert _by_name(plain) == wanted
        return "plain"

    return judged


def _as_resource(overlay: Overlay) -> Obj:
    spec = {
        "interval": "5m",
        "prune": True,
        "sourceRef": {"kind": "GitRepository", "name": "x"},
        "path": overlay.path,
        "targetNamespace": overlay.target_namespace,
        "namePrefix": overlay.name_prefix,
        "nameSuffix": overlay.name_suffix,
        "patches": list(overlay.patches),
        "images": list(overlay.images),
        "components": list(overlay.components),
        "ignoreMissingComponents": overlay.ignore_missing_components,
        "buildMetadata": list(overlay.build_metadata),
    }
    given = {field: value for field, value in spec.items() if value not in ("", [], False)}
    metadata = {"name": "app", "namespace": "flux-system"}
    return {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": metadata,
        "spec": given,
    }


def _disowned(raw: Obj) -> Obj:
    """Without the labels of the owner, which the program puts on."""
    metadata = dict(raw["metadata"])
    labels = {key: value for key, value in metadata.pop("labels", {}).items() if key not in _OWNER}
    return {**raw, "metadata": {**metadata, "labels": labels} if labels else metadata}


def _by_name(objects: Any) -> dict[str, Obj]:
    """By what they are called, Secrets without what is masked."""
    return {
        f"{one['apiVersion']}/{one['kind']}/{one['metadata'].get('namespace')}/{one['metadata']['name']}": {
            key: value for key, value in one.items() if one["kind"] != "Secret" or key not in ("data", "stringData")
        }
        for one in objects
    }


@pytest.mark.parametrize("seed", range(60))
def test_a_generated_overlay_is_built_as_flux_builds_it(compare_with_flux: Compare, seed: int) -> None:
    compare_with_flux(*_case(seed))


_PART = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnamePrefix: part-\n"
_LISTED = "resources: [x.yaml]\n"
_WITH_RESOURCE = {"part/kustomization.yaml": _PART + "resources: [../app/x.yaml]\n"}
_OWN = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nmetadata: {name: k}\n"
_OF_FLUX: dict[str, tuple[Files, Overlay]] = {
    "an image that is there already": (
        {"app/kustomization.yaml": _LISTED + "images: [{name: nginx, newTag: '1', newName: other}]\n"},
        Overlay(path="app", images=({"name": "nginx", "digest": "sha256:0"}, {"name": "more", "newTag": "x"})),
    ),
    "components that are there and that are not": (
        {"app/kustomization.yaml": _LISTED, "part/kustomization.yaml": _PART},
        Overlay(path="app", components=("../part", "../none"), ignore_missing_components=True),
    ),
    "a component that is missing": ({}, Overlay(path="app", components=("../none",))),
    "a component that is elsewhere": ({}, Overlay(path="app", components=("https://x.y/z",))),
    "origins": (
        {},
        Overlay(path="app", name_prefix="p-", build_metadata=("originAnnotations", "transformerAnnotations")),
    ),
    "a file without resources": (
        {"app/kustomization.yaml": "components: [../part]\nbuildMetadata: [managedByLabel]\n", **_WITH_RESOURCE},
        Overlay(path="app"),
    ),
    "a file without resources, and metadata": (
        {"app/kustomization.yaml": "components: [../part]\n", **_WITH_RESOURCE},
        Overlay(path="app", build_metadata=("transformerAnnotations",)),
    ),
    "nothing at all": ({"app/x.yaml": "", "app/README.md": ""}, Overlay(path="app")),
    "unknown fields": (
        {"app/kustomization.yaml": _LISTED + "foo: 1\nNamePrefix: 12\ncommonLabels: {a: 1.10, b: yes}\n"},
        Overlay(path="app"),
    ),
    "another name of the file": ({"app/Kustomization": _LISTED}, Overlay(path="app", name_suffix="-s")),
    "what is no manifest": ({"app/values.yaml": "a: b\n"}, Overlay(path="app")),
    "broken yaml in a folder": ({"app/values.yaml": "a: b: c\n"}, Overlay(path="app")),
    "kustomize's own": ({"app/k.yaml": _OWN}, Overlay(path="app")),
    "a list of its own in a custom object": (
        {"app/k.yaml": _OWN.replace("kustomize.config.k8s.io", "x.y") + "spec: {items: [a]}\n"},
        Overlay(path="app"),
    ),
    "patches of both kinds": (
        {},
        Overlay(
            path="app",
            patches=(
                {"patch": "- op: add\n  path: /metadata/labels\n  value: {a: b}\n", "target": {"kind": "Deploy.*"}},
                {"patch": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 3}\n"},
            ),
        ),
    ),
}


@pytest.mark.parametrize("name", _OF_FLUX)
def test_what_flux_adds_is_added_as_flux_adds_it(compare_with_flux: Compare, name: str) -> None:
    files, overlay = _OF_FLUX[name]
    deployed = _BY_HAND["an image twice"]["x.yaml"]
    compare_with_flux({"app/x.yaml": deployed, **files}, overlay)
