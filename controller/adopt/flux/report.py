"""What a takeover from Flux says of itself: a table for a person, JSON for a program."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from controller.adopt.flux.installation import Installation
from controller.adopt.flux.plan import Plan
from controller.adopt.flux.survey import Finding, State, Survey
from sealer.cli import listing


def text(found: Installation, seen: Survey | None, plan: Plan, *, is_dry: bool) -> str:
    """The controllers, what needs a look, what stands in the way, the steps; at the end the patch for Git."""
    rows = [
        (one.original.deployment.ref, "stays" if one.why else "is replaced", one.why or _working(found, one.original))
        for one in plan.verdicts
    ]
    rows += [(one.ref, one.state.value, one.detail or "-") for one in _shown(seen)]
    rows += [(ref, "is set otherwise", how) for ref, how in plan.differing]
    rows += [(one.ref, "leads to nobody then", one.why) for one in plan.lost]
    rows += [(one.ref, "stands in the way", f"{one.cause}; {one.cure}") for one in plan.obstacles]
    rows += [(step.ref, "would be changed" if is_dry else "changed", step.change) for step in plan.steps]
    table = listing.table(("OBJECT", "STATE", "DETAIL"), rows)
    return table + (f"\n{patch_text(plan)}" if plan.patch else "")


def patch_text(plan: Plan) -> str:
    """The patch, with what it is."""
    return f"# for the kustomization.yaml beside Flux's manifests in Git\n{plan.patch}"


def described(found: Installation, seen: Survey | None, plan: Plan, *, is_dry: bool) -> dict[str, Any]:
    """The same for a program."""
    shown: dict[str, Any] = {}
    if seen is not None:
        shown["controllers"] = [
            {
                "object": one.original.deployment.ref,
                "controller": one.original.controller,
                "replicas": one.original.deployment.replicas,
                "replaced": one.is_replaced,
                **({"why": one.why} if one.why else {}),
            }
            for one in plan.verdicts
        ]
        shown["leases"] = [{"object": one.ref, "holder": one.holder} for one in found.leases]
        shown["kseal"] = {"object": found.ours.ref, "replicas": found.ours.replicas} if found.ours is not None else None
        shown["flags"] = plan.components.split()
        shown["resources"] = [
            {"object": one.ref, "state": one.state.value, **({"detail": one.detail} if one.detail else {})}
            for one in _shown(seen)
        ]
        counted = Counter(one.kind for one in seen.findings if one.state is State.RIGHT)
        shown["right"] = {kind: counted[kind] for kind in ("GitRepository", "Kustomization", "Receiver")}
        shown["differing"] = [{"object": ref, "detail": how} for ref, how in plan.differing]
        shown["lost"] = [{"object": one.ref, "detail": one.why} for one in plan.lost]
    shown["obstacles"] = [{"object": one.ref, "cause": one.cause, "cure": one.cure} for one in plan.obstacles]
    shown["steps"] = [{"object": step.ref, "change": step.change, "done": not is_dry} for step in plan.steps]
    if plan.patch:
        shown["patch"] = plan.patch
    return shown


def _working(found: Installation, original: Any) -> str:
    held = [f"{one.ref} held by {one.holder}" for one in found.leases if one.role == original.role and one.holder]
    return ", ".join([f"replicas {original.deployment.replicas}", *held])


def _shown(seen: Survey | None) -> Iterable[Finding]:
    return [one for one in seen.findings if one.state is not State.RIGHT] if seen is not None else []
