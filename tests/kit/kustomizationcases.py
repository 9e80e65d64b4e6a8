"""The Kustomizations that Flux's controllers and ours are compared by: see tests/kit/sidebyside.py."""

import json
from dataclasses import replace
from typing import Any, Final

from tests.kit.sidebyside import (
    IDENTITY,
    SECRET_TEXT,
    Case,
    added,
    changed,
    committed,
    deleted,
    edited,
    made,
    observed,
    paused,
    pulled,
    removed,
    until,
)

KUSTOMIZE: Final = "kustomize.toolkit.fluxcd.io"
_OWN: Final = "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/NS/kustomizations"
_CONFIGS: Final = "/api/v1/namespaces/NS/configmaps"


def config(name: str = "one", *, say: dict[str, str] | None = None, **data: str) -> dict[str, Any]:
    """A ConfigMap; `say` are annotations."""
    metadata: dict[str, Any] = {"name": name, "namespace": "NS"}
    if say:
        metadata["annotations"] = say
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data or {"key": "value"}}


def bare(name: str = "one", **data: str) -> dict[str, Any]:
    """A ConfigMap that names no namespace."""
    raw = {**config(name), "data": data or {"key": "value"}}
    del raw["metadata"]["namespace"]
    return raw


def overlay(*resources: str, **fields: Any) -> dict[str, Any]:
    head = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
    return {**head, "resources": [*resources], **fields}


def component(**fields: Any) -> dict[str, Any]:
    return {"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component", **fields}


def deployment(name: str = "web", image: str = "registry.example/web:1.0.0", **spec: Any) -> dict[str, Any]:
    labels = {"app": name}
    container = {"name": "web", "image": image, "ports": [{"containerPort": 8080}]}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container], **spec}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "NS"},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template},
    }


def job(name: str = "once", **spec: Any) -> dict[str, Any]:
    container = {"name": "once", "image": "registry.example/once:1"}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": "NS"},
        "spec": {"template": {"spec": {"containers": [container], "restartPolicy": "Never"}}, **spec},
    }


def secret(name: str, *, kind: str = "Opaque", **data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": "NS"},
        "type": kind,
        "stringData": data,
    }


def namespace(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def definition() -> dict[str, Any]:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.NS.example.com"},
        "spec": {
            "group": "NS.example.com",
            "names": {"kind": "Widget", "plural": "widgets", "singular": "widget", "listKind": "WidgetList"},
            "scope": "Namespaced",
            "versions": [{**version, "subresources": {"status": {}}}],
        },
    }


def widget(name: str = "one", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "NS.example.com/v1",
        "kind": "Widget",
        "metadata": {"name": name, "namespace": "NS"},
        "spec": spec or {"size": 1},
    }


def account(name: str = "tenant") -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}


ROLE: Final = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "Role",
    "metadata": {"name": "tenant"},
    "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"]}],
}
BINDING: Final = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "RoleBinding",
    "metadata": {"name": "tenant"},
    "subjects": [{"kind": "ServiceAccount", "namespace": "NS", "name": "tenant"}],
    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "tenant"},
}
ONE: Final = {"one.yaml": config()}
TWO: Final = {"one.yaml": config(), "two.yaml": config("two")}
VARIABLES: Final = {"one.yaml": config(key="${word}")}
AGE: Final = secret("age", **{"identity.agekey": IDENTITY})
SEALED: Final = {"sealed.yaml": SECRET_TEXT}
DECRYPTION: Final = {"decryption": {"provider": "sops", "secretRef": {"name": "age"}}, "targetNamespace": "NS"}
PATCH: Final = json.dumps(
    {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "one", "namespace": "NS"},
        "data": {"key": "patched"},
    }
)
READY: Final = "dep.status.conditions.exists(c, c.type == 'Ready' && c.status == 'True')"
WIDGETS: Final = {"crd.yaml": definition(), "widget.yaml": widget()}
SIZED: Final = [
    {"apiVersion": "NS.example.com/v1", "kind": "Widget", "failed": "spec.size == 1", "current": "spec.size == 2"}
]
LAST: Final = "kubectl.kubernetes.io/last-applied-configuration"
HEALTHY_ONE: Final = {"apiVersion": "v1", "kind": "ConfigMap", "name": "one", "namespace": "NS"}
SLOW: Final = {"wait": True, "timeout": "30s"}


def _depending(name: str, expression: str = "", *, first: str = "first", own_words: bool = False) -> Case:
    """A Kustomization that depends on one of another folder of the same source."""
    dependency = {"name": "first", **({"readyExpr": expression} if expression else {})}
    return Case(
        {"own/one.yaml": config(), "first/two.yaml": config("two")},
        {"own/one.yaml": config(key="other"), "first/two.yaml": config("two", key="other")},
        others={"first": {"path": first}},
        spec={"path": f"./{name}/own", "dependsOn": [dependency]},
        own_words=own_words,
    )


PLAIN: Final[dict[str, Case]] = {
    "plain": Case(TWO),
    "root-path": Case(ONE, spec={"path": "/root-path"}),
    "climbing-path": Case(ONE, spec={"path": "../../climbing-path"}),
    "path-of-nothing": Case(ONE, spec={"path": "./path-of-nothing/none"}),
    "path-of-a-file": Case(ONE, spec={"path": "./path-of-a-file/one.yaml"}, own_words=True),
    "nested-folders": Case({"a/one.yaml": config(), "b/c/two.yaml": config("two"), "readme.md": "# no manifest"}),
    "folder-with-overlay": Case(
        {"a/kustomization.yaml": overlay("x.yaml"), "a/x.yaml": config(), "a/y.yaml": config("two")}
    ),
    "empty-folder": Case({"readme.md": "# no manifest"}),
    "overlay-of-nothing": Case({"kustomization.yaml": overlay()}),
    "list-kind": Case({"list.yaml": {"apiVersion": "v1", "kind": "List", "items": [config(), config("two")]}}),
    "no-namespace": Case({"one.yaml": bare("NS-no")}, own_words=True),
    "target-namespace": Case({"one.yaml": bare()}, spec={"targetNamespace": "NS"}),
    "prefix-suffix": Case(ONE, spec={"namePrefix": "a-", "nameSuffix": "-z"}),
    "common-metadata": Case(
        {"one.yaml": config(say={"b": "own"})},
        spec={"commonMetadata": {"labels": {"team": "a"}, "annotations": {"b": "common", "c": "common"}}},
    ),
    "patches": Case(
        {**ONE, "web.yaml": deployment()},
        spec={
            "patches": [
                {"patch": PATCH},
                {
                    "target": {"kind": "Deployment", "name": "w.*"},
                    "patch": '[{"op": "replace", "path": "/spec/replicas", "value": 2}]',
                },
            ]
        },
    ),
    "patch-of-nothing": Case(ONE, spec={"patches": [{"patch": PATCH.replace("one", "none")}]}, own_words=True),
    "broken-patch": Case(ONE, spec={"patches": [{"patch": "a: [", "target": {"kind": "ConfigMap"}}]}, own_words=True),
    "images": Case(
        {"web.yaml": deployment()},
        spec={"images": [{"name": "registry.example/web", "newName": "mirror.example/web", "newTag": "2"}]},
    ),
    "image-digest": Case(
        {"web.yaml": deployment()},
        spec={"images": [{"name": "registry.example/web", "digest": "sha256:" + "a" * 64}]},
    ),
    "components": Case(
        {
            "base/kustomization.yaml": overlay("one.yaml"),
            "base/one.yaml": config(),
            "extra/kustomization.yaml": component(commonAnnotations={"from": "component"}),
        },
        spec={"path": "./components/base", "components": ["../extra"]},
    ),
    "missing-component": Case(
        {"kustomization.yaml": overlay("one.yaml"), **ONE}, spec={"components": ["./none"]}, own_words=True
    ),
    "ignored-component": Case(
        {"kustomization.yaml": overlay("one.yaml"), **ONE},
        spec={"components": ["./none"], "ignoreMissingComponents": True},
    ),
    "build-metadata": Case(
        {"kustomization.yaml": overlay("one.yaml", namePrefix="a-"), **ONE},
        spec={"buildMetadata": ["originAnnotations", "transformerAnnotations"]},
    ),
    "generators": Case(
        {
            "kustomization.yaml": overlay(
                namespace="NS",
                configMapGenerator=[{"name": "made", "files": ["a.txt"], "literals": ["b=c"]}],
                secretGenerator=[{"name": "kept", "literals": ["p=q"]}],
            ),
            "a.txt": "text",
        }
    ),
    "everything-at-once": Case(
        {"web.yaml": deployment(), "one.yaml": config(key="${word}")},
        spec={
            "targetNamespace": "NS",
            "namePrefix": "p-",
            "images": [{"name": "registry.example/web", "newTag": "3"}],
            "commonMetadata": {"labels": {"team": "a"}},
            "postBuild": {"substitute": {"word": "said"}},
            "wait": True,
            "timeout": "1m",
        },
    ),
}
MORE: Final[dict[str, Case]] = {
    "other-endings": Case({"one.yml": config(), "two.json": config("two"), "three.txt": config("three")}),
    "target-namespace-missing": Case({"one.yaml": bare()}, spec={"targetNamespace": "NS-none"}),
    "prefix-of-a-namespace": Case(
        {"ns.yaml": namespace("NS-named")}, spec={"nameSuffix": "-z", "targetNamespace": "NS"}
    ),
    "substitute-typed": Case(
        {"web.yaml": json.dumps(deployment()).replace('"replicas": 1', '"replicas": "${count}"')},
        spec={"postBuild": {"substitute": {"count": "2"}}},
    ),
    "substitute-quoted": Case(
        {"one.yaml": config(key="${quote}${count}${quote}", flag="${flag}")},
        spec={"postBuild": {"substitute": {"count": "2", "quote": '"', "flag": "true"}}},
        own_words=True,
    ),
    "substitute-lines": Case(
        {"one.yaml": config(key="${words}", kept="$${words} $(words) $words")},
        spec={"postBuild": {"substituteFrom": [{"kind": "ConfigMap", "name": "many"}]}},
        objects=[config("many", words="a\nb\n")],
    ),
    "kubeconfig-missing": Case(ONE, spec={"kubeConfig": {"secretRef": {"name": "none"}}}, own_words=True),
    "kubeconfig-broken": Case(
        ONE,
        spec={"kubeConfig": {"secretRef": {"name": "broken"}}},
        objects=[secret("broken", value="a: [")],
        own_words=True,
    ),
    "depends-in-a-circle": replace(
        _depending("depends-in-a-circle"), others={"first": {"path": "first", "dependsOn": [{"name": "ks"}]}}
    ),
    "check-of-another": replace(
        _depending("check-of-another"),
        spec={
            "path": "./check-of-another/own",
            "timeout": "30s",
            "healthChecks": [
                {"apiVersion": f"{KUSTOMIZE}/v1", "kind": "Kustomization", "name": "first", "namespace": "NS"}
            ],
        },
    ),
    "then-healthy": Case(
        WIDGETS,
        {"widget.yaml": widget(size=2)},
        spec={**SLOW, "healthCheckExprs": SIZED},
        steps=[committed()],
        is_timed=True,
    ),
    "then-unhealthy": Case(
        {"crd.yaml": definition(), "widget.yaml": widget(size=2)},
        {"widget.yaml": widget(size=1)},
        spec={**SLOW, "healthCheckExprs": SIZED},
        steps=[committed()],
        is_timed=True,
    ),
    "then-of-kubectl": Case(
        ONE,
        {"one.yaml": config(key="other")},
        objects=[config(key="by hand", more="by hand", say={LAST: "{}", "kept": "yes"})],
        manager="kubectl-client-side-apply",
        steps=[committed()],
    ),
    "merged-with-kubectl": Case(
        {"one.yaml": config(say={f"{KUSTOMIZE}/ssa": "Merge"}, key="ours")},
        objects=[config(key="by hand", more="by hand", say={LAST: "{}"})],
        manager="kubectl-client-side-apply",
    ),
    "then-without-namespace": Case(
        {
            "ns.yaml": namespace("NS-gone"),
            "one.yaml": {**config(), "metadata": {"name": "one", "namespace": "NS-gone"}},
            "two.yaml": config("two"),
        },
        {"ns.yaml": None, "one.yaml": None},
        steps=[committed()],
    ),
    "then-without-definition": Case(
        {**WIDGETS, "two.yaml": config("two")}, {"crd.yaml": None, "widget.yaml": None}, steps=[committed()]
    ),
    "then-another-selector": Case(
        {"web.yaml": deployment()},
        {"web.yaml": json.dumps(deployment()).replace('"app": "web"', '"app": "other"')},
        steps=[committed()],
    ),
    "then-another-selector-forced": Case(
        {"web.yaml": deployment()},
        {"web.yaml": json.dumps(deployment()).replace('"app": "web"', '"app": "other"')},
        spec={"force": True},
        steps=[committed()],
        is_timed=True,
    ),
    "then-changed-while-waiting": Case(
        {"web.yaml": deployment(nodeSelector={"none": "such"})},
        spec={"wait": True, "timeout": "30s"},
        waits=False,
        steps=[until("Progressing"), paused(2.0), changed(wait=False)],
        is_timed=True,
    ),
    "then-committed-while-waiting": Case(
        {"web.yaml": deployment(nodeSelector={"none": "such"})},
        {"web.yaml": deployment()},
        spec={"wait": True, "timeout": "30s"},
        waits=False,
        steps=[until("Progressing"), paused(2.0), committed()],
        is_timed=True,
    ),
    "then-the-source-is-gone": Case(
        ONE,
        steps=[
            removed("/apis/source.toolkit.fluxcd.io/v1/namespaces/NS/gitrepositories/fleet"),
            paused(1.0),
            changed(),
        ],
    ),
    "then-the-cause-is-mended": Case(
        VARIABLES,
        spec={"postBuild": {"substituteFrom": [{"kind": "ConfigMap", "name": "late"}]}},
        steps=[made(_CONFIGS, config("late", word="said")), changed()],
        own_words=True,
    ),
}
BUILDS: Final[dict[str, Case]] = {
    "substitute": Case(VARIABLES, spec={"postBuild": {"substitute": {"word": "said"}}}),
    "substitute-default": Case(
        {"one.yaml": config(key="${word:=default}", b="$${kept}")}, spec={"postBuild": {"substitute": {"x": "y"}}}
    ),
    "substitute-nothing": Case(VARIABLES, spec={"postBuild": {}}),
    "substitute-always": Case(
        {"one.yaml": config(key="${word:=default}")}, spec={"postBuild": {"substituteStrategy": "Always"}}
    ),
    "substitute-missing": Case(VARIABLES, spec={"postBuild": {"substitute": {"x": "y"}}}, own_words=True),
    "substitute-bad-name": Case(VARIABLES, spec={"postBuild": {"substitute": {"no-name": "y"}}}, own_words=True),
    "substitute-from": Case(
        {"one.yaml": config(a="${a}", b="${b}", c="${c}")},
        spec={
            "postBuild": {
                "substitute": {"c": "inline"},
                "substituteFrom": [
                    {"kind": "ConfigMap", "name": "first"},
                    {"kind": "Secret", "name": "second"},
                    {"kind": "ConfigMap", "name": "none", "optional": True},
                ],
            }
        },
        objects=[config("first", a="first", b="first", c="first"), secret("second", b="second")],
    ),
    "substitute-from-none": Case(
        VARIABLES, spec={"postBuild": {"substituteFrom": [{"kind": "ConfigMap", "name": "none"}]}}, own_words=True
    ),
    "substitute-from-no-secret": Case(
        VARIABLES, spec={"postBuild": {"substituteFrom": [{"kind": "Secret", "name": "none"}]}}, own_words=True
    ),
    "substitute-disabled": Case(
        {"one.yaml": config(say={f"{KUSTOMIZE}/substitute": "disabled"}, key="${word}")},
        spec={"postBuild": {"substitute": {"word": "said"}}},
    ),
    "decrypt": Case(SEALED, spec=DECRYPTION, objects=[AGE]),
    "decrypt-without-key": Case(SEALED, spec=DECRYPTION, own_words=True),
    "decrypt-wrong-key": Case(
        SEALED, spec=DECRYPTION, objects=[secret("age", **{"other.txt": "text"})], own_words=True
    ),
    "not-decrypted": Case(SEALED, spec={"targetNamespace": "NS"}),
    "decrypt-by-account": Case(
        SEALED, spec={**DECRYPTION, "decryption": {"provider": "sops", "serviceAccountName": "tenant"}}, own_words=True
    ),
    "broken-yaml": Case({"one.yaml": "kind: ConfigMap\nmetadata: [\n"}, own_words=True),
    "broken-overlay": Case({"kustomization.yaml": "resources: {a: [\n"}, own_words=True),
    "unknown-overlay-field": Case({"kustomization.yaml": overlay("one.yaml", colour="red"), **ONE}, own_words=True),
    "missing-resource": Case({"kustomization.yaml": overlay("none.yaml")}, own_words=True),
    "no-manifest": Case({"values.yaml": {"a": 1}}, own_words=True),
    "twice-the-same": Case({"one.yaml": config(), "again.yaml": config(key="other")}, own_words=True),
    "unknown-kind": Case({"one.yaml": {**config(), "apiVersion": "none.example/v1", "kind": "None"}}),
    "invalid-object": Case({"one.yaml": {**config(), "data": {"key": {"a": 1}}}}, own_words=True),
    "invalid-name": Case({"one.yaml": config("Not_A_Name")}),
    "missing-namespace": Case({"one.yaml": {**config(), "metadata": {"name": "one", "namespace": "NS-none"}}}),
    "half-good": Case({**ONE, "two.yaml": config("Not_A_Name"), "web.yaml": deployment()}),
}
CLUSTER: Final[dict[str, Case]] = {
    "wait": Case({"web.yaml": deployment(), **ONE}, spec=SLOW),
    "wait-in-vain": Case(
        {"web.yaml": deployment(nodeSelector={"none": "such"}), **ONE}, spec={"wait": True, "timeout": "5s"}
    ),
    "wait-for-nothing": Case({"readme.md": "none"}, spec=SLOW),
    "job-done": Case({"job.yaml": job()}, spec=SLOW),
    "job-suspended": Case({"job.yaml": job(suspend=True)}, spec=SLOW),
    "job-too-late": Case(
        {
            "job.yaml": job(
                activeDeadlineSeconds=1,
                template={
                    "spec": {
                        "containers": [{"name": "once", "image": "registry.example/once:1"}],
                        "restartPolicy": "Never",
                        "nodeSelector": {"none": "such"},
                    }
                },
            )
        },
        spec=SLOW,
    ),
    "check": Case(ONE, spec={"healthChecks": [HEALTHY_ONE], "timeout": "30s"}),
    "check-of-nothing": Case(ONE, spec={"healthChecks": [{**HEALTHY_ONE, "name": "none"}], "timeout": "30s"}),
    "check-without-namespace": Case(
        {"web.yaml": deployment()}, spec={"healthChecks": [{"kind": "Deployment", "name": "web"}], "timeout": "30s"}
    ),
    "check-of-itself": Case(
        ONE,
        spec={
            "healthChecks": [
                {"apiVersion": f"{KUSTOMIZE}/v1", "kind": "Kustomization", "name": "ks", "namespace": "NS"}
            ]
        },
    ),
    "check-of-no-kind": Case(
        ONE,
        spec={"healthChecks": [{**HEALTHY_ONE, "apiVersion": "none.example/v1", "kind": "None"}], "timeout": "30s"},
        own_words=True,
    ),
    "expression": Case(
        WIDGETS,
        spec={
            **SLOW,
            "healthCheckExprs": [{"apiVersion": "NS.example.com/v1", "kind": "Widget", "current": "spec.size == 1"}],
        },
    ),
    "expression-failed": Case(
        WIDGETS,
        spec={
            **SLOW,
            "healthCheckExprs": [
                {
                    "apiVersion": "NS.example.com/v1",
                    "kind": "Widget",
                    "failed": "spec.size == 1",
                    "current": "spec.size == 2",
                }
            ],
        },
        is_timed=True,
    ),
    "expression-invalid": Case(
        ONE,
        spec={**SLOW, "healthCheckExprs": [{"apiVersion": "v1", "kind": "ConfigMap", "current": "data.("}]},
        own_words=True,
    ),
    "definition-and-object": Case(WIDGETS),
    "namespace-and-content": Case(
        {"ns.yaml": namespace("NS-more"), "one.yaml": {**config(), "metadata": {"name": "one", "namespace": "NS-more"}}}
    ),
    "stages": Case(
        {
            "all.yaml": [
                job(),
                config(),
                account("b") | {"metadata": {"name": "b", "namespace": "NS"}},
                secret("s", a="b"),
                {
                    "apiVersion": "v1",
                    "kind": "Service",
                    "metadata": {"name": "web", "namespace": "NS"},
                    "spec": {"ports": [{"port": 80}]},
                },
                deployment(),
                {
                    "apiVersion": "rbac.authorization.k8s.io/v1",
                    "kind": "ClusterRole",
                    "metadata": {"name": "NS:reader"},
                    "rules": [],
                },
            ]
        },
    ),
    "depends": _depending("depends"),
    "depends-on-nothing": Case(ONE, spec={"dependsOn": [{"name": "none"}]}),
    "depends-on-failed": _depending("depends-on-failed", first="none"),
    "depends-if": _depending("depends-if", READY),
    "depends-if-of-no-field": _depending("depends-if-of-no-field", "dep.spec.wait == self.spec.prune", own_words=True),
    "depends-if-never": _depending("depends-if-never", "!self.spec.prune"),
    "depends-if-failed": _depending("depends-if-failed", "self.spec.prune == true", first="none"),
    "depends-if-invalid": _depending("depends-if-invalid", "dep.(", own_words=True),
    "no-source": Case(ONE, has_source=False),
    "source-without-artifact": Case(
        ONE,
        spec={"sourceRef": {"kind": "GitRepository", "name": "empty"}},
        others={},
        has_source=True,
    ),
    "source-of-another": Case(
        ONE, spec={"sourceRef": {"kind": "GitRepository", "name": "fleet", "namespace": "flux-system"}}
    ),
    "account": Case(ONE, spec={"serviceAccountName": "tenant"}, objects=[account(), ROLE, BINDING]),
    "account-forbidden": Case(
        {**ONE, "secret.yaml": secret("s", a="b")},
        spec={"serviceAccountName": "tenant"},
        objects=[account(), ROLE, BINDING],
        own_words=True,
    ),
    "account-missing": Case(ONE, spec={"serviceAccountName": "none"}, own_words=True),
    "suspended": Case(ONE, spec={"suspend": True}, waits=False, steps=[paused()], looks=[f"{_CONFIGS}/one"]),
}
for _mode in ("Override", "Merge", "IfNotPresent", "Ignore"):
    CLUSTER[f"ssa-{_mode.lower()}"] = Case(
        {"one.yaml": config(say={f"{KUSTOMIZE}/ssa": _mode}, key="ours"), "two.yaml": config("two")},
        objects=[config(key="theirs", other="theirs")],
        looks=[f"{_CONFIGS}/one"],
    )
    CLUSTER[f"ssa-new-{_mode.lower()}"] = Case(
        {"one.yaml": config(say={f"{KUSTOMIZE}/ssa": _mode}, key="ours"), "two.yaml": config("two")},
        steps=[edited(f"{_CONFIGS}/two", {"data": {"other": "by hand"}}), changed()],
        looks=[f"{_CONFIGS}/one"],
    )
CHANGES: Final[dict[str, Case]] = {
    "then-asked": Case(ONE, steps=[changed(), changed()]),
    "then-another-commit": Case(ONE, {"one.yaml": config(key="other")}, steps=[committed()]),
    "then-the-same-again": Case(ONE, {"readme.md": "more"}, steps=[committed()]),
    "then-one-less": Case(TWO, {"two.yaml": None}, steps=[committed()], looks=[f"{_CONFIGS}/two"]),
    "then-one-less-kept": Case(
        TWO, {"two.yaml": None}, spec={"prune": False}, steps=[committed()], looks=[f"{_CONFIGS}/two"]
    ),
    "then-one-less-protected": Case(
        {**ONE, "two.yaml": config("two", say={f"{KUSTOMIZE}/prune": "disabled"})},
        {"two.yaml": None},
        steps=[committed()],
        looks=[f"{_CONFIGS}/two"],
    ),
    "then-nothing": Case(
        TWO, {"one.yaml": None, "two.yaml": None, "readme.md": "x"}, steps=[committed()], looks=[f"{_CONFIGS}/two"]
    ),
    "then-broken": Case(ONE, {"one.yaml": "a: ["}, steps=[committed()], own_words=True),
    "then-mended": Case({"one.yaml": "a: ["}, ONE, steps=[committed()], own_words=True),
    "then-invalid": Case(TWO, {"two.yaml": config("Not_A_Name")}, steps=[committed()], looks=[f"{_CONFIGS}/two"]),
    "then-valid": Case({"one.yaml": config("Not_A_Name")}, {"one.yaml": config()}, steps=[committed()]),
    "then-no-path": Case(ONE, {"one.yaml": None}, steps=[pulled(), until("ArtifactFailed")]),
    "then-depends": replace(_depending("then-depends"), steps=[committed("first", "ks")]),
    "then-its-dependency-is-suspended": replace(
        _depending("then-its-dependency-is-suspended"),
        steps=[
            edited(f"{_OWN}/first", {"spec": {"suspend": True}}),
            paused(),
            changed(),
        ],
    ),
    "then-immutable": Case({"job.yaml": job()}, {"job.yaml": job(completions=2)}, steps=[committed()]),
    "then-forced": Case(
        {"job.yaml": job()}, {"job.yaml": job(completions=2)}, spec={"force": True}, steps=[committed()]
    ),
    "then-forced-alone": Case(
        {"job.yaml": job()},
        {
            "job.yaml": {
                **job(completions=2),
                "metadata": {"name": "once", "namespace": "NS", "annotations": {f"{KUSTOMIZE}/force": "enabled"}},
            }
        },
        steps=[committed()],
    ),
    "then-immutable-config": Case(
        {"one.yaml": {**config(), "immutable": True}},
        {"one.yaml": {**config(key="other"), "immutable": True}},
        steps=[committed()],
    ),
    "then-suspended": Case(
        ONE,
        {"one.yaml": config(key="other")},
        steps=[
            edited(f"{_OWN}/ks", {"spec": {"suspend": True}}),
            observed(),
        ],
    ),
    "then-resumed": Case(ONE, spec={"suspend": True}, waits=False, steps=[paused(0.5), changed(suspend=None)]),
    "then-another-path": Case(
        {"a/one.yaml": config(), "b/two.yaml": config("two")},
        spec={"path": "./then-another-path/a"},
        steps=[changed(path="./then-another-path/b")],
        looks=[f"{_CONFIGS}/one"],
    ),
    "then-wait": Case({"web.yaml": deployment()}, steps=[changed(wait=True)]),
    "then-no-wait": Case({"web.yaml": deployment()}, spec=SLOW, steps=[changed(wait=False)]),
    "then-edited": Case(ONE, steps=[edited(f"{_CONFIGS}/one", {"data": {"key": "by hand"}}), changed()]),
    "then-disabled": Case(
        ONE,
        {"one.yaml": config(key="other")},
        steps=[
            edited(f"{_CONFIGS}/one", {"metadata": {"annotations": {f"{KUSTOMIZE}/reconcile": "disabled"}}}),
            committed(),
        ],
    ),
    "then-ignored": Case(
        {"web.yaml": deployment()},
        spec={"ignore": [{"paths": ["/spec/replicas"], "target": {"kind": "Deployment"}}]},
        steps=[edited("/apis/apps/v1/namespaces/NS/deployments/web", {"spec": {"replicas": 3}}), changed()],
    ),
    "then-deleted": Case(ONE, steps=[deleted()], looks=[f"{_CONFIGS}/one"]),
    "then-deleted-unpruned": Case(ONE, spec={"prune": False}, steps=[deleted()], looks=[f"{_CONFIGS}/one"]),
    "then-deleted-suspended": Case(
        ONE,
        steps=[
            edited(f"{_OWN}/ks", {"spec": {"suspend": True}}),
            deleted(),
        ],
        looks=[f"{_CONFIGS}/one"],
    ),
    "then-deleted-orphaned": Case(ONE, spec={"deletionPolicy": "Orphan"}, steps=[deleted()], looks=[f"{_CONFIGS}/one"]),
    "then-deleted-anyway": Case(
        ONE, spec={"prune": False, "deletionPolicy": "Delete"}, steps=[deleted()], looks=[f"{_CONFIGS}/one"]
    ),
    "then-deleted-awaited": Case(
        {"web.yaml": deployment()},
        spec={"deletionPolicy": "WaitForTermination"},
        steps=[deleted()],
        looks=["/apis/apps/v1/namespaces/NS/deployments/web"],
    ),
    "then-deleted-protected": Case(
        {**ONE, "two.yaml": config("two", say={f"{KUSTOMIZE}/prune": "disabled"})},
        steps=[deleted()],
        looks=[f"{_CONFIGS}/one", f"{_CONFIGS}/two"],
    ),
    "then-moved": Case(
        {"a/one.yaml": config(), "a/two.yaml": config("two"), "b/three.yaml": config("three")},
        {"a/one.yaml": None, "b/one.yaml": config()},
        spec={"path": "./then-moved/a"},
        steps=[
            added("other", "b"),
            committed("ks", "other"),
            changed("other"),
        ],
    ),
    "then-taken-and-left": Case(
        {
            "a/one.yaml": config(),
            "a/two.yaml": config("two"),
            "b/one.yaml": config(key="taken"),
            "c/two.yaml": config("two"),
        },
        spec={"path": "./then-taken-and-left/a"},
        steps=[added("other", "b"), changed(path="./then-taken-and-left/c")],
        looks=[f"{_CONFIGS}/one"],
    ),
    "then-another-account": Case(
        ONE,
        objects=[account(), ROLE, BINDING],
        steps=[changed(serviceAccountName="tenant"), changed(serviceAccountName="none")],
        own_words=True,
    ),
    "then-made-by-kubectl": Case(
        ONE,
        {"one.yaml": config(key="other")},
        objects=[config(key="by hand", more="by hand")],
        steps=[committed()],
    ),
    "retried": Case(
        {"one.yaml": {**config(), "metadata": {"name": "one", "namespace": "NS-late"}}},
        spec={"retryInterval": "1s"},
        steps=[made("/api/v1/namespaces", namespace("NS-late")), until("ReconciliationSucceeded")],
        is_timed=True,
    ),
}
_LONG: Final = (
    "then-changed-while-waiting",
    "then-committed-while-waiting",
    "wait-in-vain",
    "check-of-nothing",
    "check-of-no-kind",
)
"""Flux waits for half a minute in each of them."""
_ALL: Final = {**CLUSTER, **CHANGES, **MORE, **BUILDS, **PLAIN}
CASES: Final[dict[str, Case]] = {name: _ALL[name] for name in (*_LONG, *(name for name in _ALL if name not in _LONG))}
"""Those that take their time come first."""
