"""Kustomizations that hold Flux itself: whoever applies them puts Flux's Deployments back to what Git says.

After a takeover that is kseal. So such a Kustomization has to be suspended, or Git has to say what the takeover does.
What Git says is not asked there; it shows in who owns the field, and in what an apply left standing.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from controller.adopt.flux.survey import Object, is_suspended, ref_of
from controller.adopt.installation import Controller
from controller.adopt.steps import REPLICAS
from controller.flux.names import KUSTOMIZE, KUSTOMIZE_CONTROLLER
from engine.inventory import format_id
from engine.kube.refs import ObjectRef
from engine.ownership import Ownership

OPERATES: Final = "fluxcd.controlplane.io/reconcile"
"""The annotation of a FluxInstance that lets go of an installation, as `disabled`."""
_CONTROL: Final = Ownership(manager=KUSTOMIZE_CONTROLLER, labels={}, control=KUSTOMIZE)


def holders(kustomizations: Iterable[Object], ref: ObjectRef, live: Mapping[str, Any]) -> Iterator[Object]:
    """The Kustomizations that apply an object of this cluster, and are not kept from it."""
    if _CONTROL.is_left_alone(live):
        return
    wanted = format_id(ref)
    for raw in kustomizations:
        is_elsewhere = bool((raw.get("spec") or {}).get("kubeConfig"))
        entries = ((raw.get("status") or {}).get("inventory") or {}).get("entries") or ()
        if not is_elsewhere and not is_suspended(raw) and any(entry.get("id") == wanted for entry in entries):
            yield raw


def is_kept_at_zero(kustomization: Object, deployment: Controller) -> bool:
    """Whether what a Kustomization applies has the Deployment at 0.

    Either the 0 is owned by the apply, or a takeover wrote it while nobody applied, and an apply since left it so: one
    whose outcome is no change may write nothing, and then owns nothing.
    """
    if deployment.replicas:
        return False
    if _is_applied(deployment.raw):
        return True
    generation = kustomization["metadata"].get("generation")
    conditions = (kustomization.get("status") or {}).get("conditions") or ()
    is_applied_since = any(
        (found.get("type"), found.get("status"), found.get("observedGeneration")) == ("Ready", "True", generation)
        for found in conditions
    )
    return REPLICAS in deployment.annotations and is_applied_since


def is_kept_by_operator(instance: Object) -> bool:
    """Whether the Flux Operator keeps an installation as its FluxInstance says.

    Source: the operator's page about FluxInstance, its annotations.
    """
    annotations = instance["metadata"].get("annotations") or {}
    return str(annotations.get(OPERATES, "")).casefold() != "disabled"


def where(kustomization: Object) -> str:
    """The folder in Git, for a person."""
    path = (kustomization.get("spec") or {}).get("path") or "./"
    return f"{path.rstrip('/')}/flux-system/kustomization.yaml"


def patch(deployments: Sequence[Controller], services: Sequence[tuple[str, Mapping[str, str], int]]) -> str:
    """What to write into the kustomization file beside Flux's manifests, so that Git says what the takeover does.

    `services` are names, the labels that they are to select, and the port there.
    """
    names = [one.name for one in deployments]
    text = "patches:\n"
    if names:
        target = names[0] if len(names) == 1 else f"({'|'.join(names)})"
        text += _patch("Deployment", target, ("add", "/spec/replicas", "0"))
    for name, selector, port in services:
        selects = ("replace", "/spec/selector", json.dumps(selector, sort_keys=True))  # JSON is YAML
        text += _patch("Service", name, selects, ("replace", "/spec/ports/0/targetPort", str(port)))
    return text


def cure(kustomization: Object) -> str:
    """What helps, in a line."""
    return (
        f"suspend it: {suspension(kustomization)}; resume it after the takeover, when the patch that is printed here "
        f"is committed to {where(kustomization)}"
    )


def suspension(kustomization: Object) -> str:
    """The command that has nobody apply it."""
    metadata = kustomization["metadata"]
    return f"kseal suspend ks/{metadata['name']} -n {metadata['namespace']}"


def describes(kustomization: Object, what: str) -> str:
    """The cause, in a line: `what` is what it would bring back."""
    return f"{ref_of(kustomization)} would bring it back: {what}"


def _is_applied(raw: Mapping[str, Any]) -> bool:
    for entry in raw["metadata"].get("managedFields") or ():
        owned = ((entry.get("fieldsV1") or {}).get("f:spec") or {}).get("f:replicas")
        if owned is not None and entry.get("operation") == "Apply" and entry.get("manager") == KUSTOMIZE_CONTROLLER:
            return True
    return False


def _patch(kind: str, name: str, *operations: tuple[str, str, str]) -> str:
    text = f"- target:\n    kind: {kind}\n    name: {name}\n  patch: |\n"
    return text + "".join(
        f"    - op: {operation}\n      path: {path}\n      value: {value}\n" for operation, path, value in operations
    )
