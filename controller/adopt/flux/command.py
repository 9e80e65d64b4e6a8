"""`kseal adopt flux`: say what would change, take over, or go back."""

from typing import Final

from controller.adopt.flux import report
from controller.adopt.flux.installation import Installation, find
from controller.adopt.flux.plan import Plan, adoption, way_back
from controller.adopt.flux.roles import HOME
from controller.adopt.flux.survey import Survey, survey
from controller.adopt.installation import settings_of
from controller.adopt.steps import Patience
from engine.errors import KsealError
from engine.kube.client import Cluster
from sealer.cli import files, listing
from sealer.cli.terminal import Terminal
from sealer.cli.verb import Given

SYSTEM: Final = "flux"
_DIFFERENT: Final = 3


def run(client: Cluster, given: Given, terminal: Terminal, timeout_seconds: float) -> int:
    """Each wait is at most so long. Raises: KsealError."""
    found = find(client, given.text("runtime-namespace") or HOME)
    patience = Patience(SYSTEM, timeout_seconds, timeout_seconds)
    ours = settings_of(found.ours, found.namespace).flux if found.ours is not None else None
    seen = survey(client, external_artifacts=ours is None or ours.allows_external_artifacts)
    if given.flag("undo"):
        plan = way_back(found, seen.objects["Kustomization"], ours.controllers if ours else frozenset(), patience)
        return _go(client, found, None, plan, given, terminal)
    plan = adoption(found, seen, ours, patience)
    terminal.info(f"{len(found.originals)} controllers of Flux, {len(seen.findings)} resources that kseal works on")
    terminal.info(f"to take over all that it can, kseal is installed with {plan.components}")
    return _go(client, found, seen, plan, given, terminal)


def _go(  # noqa: PLR0917 - nothing of it belongs together
    client: Cluster, found: Installation, seen: Survey | None, plan: Plan, given: Given, terminal: Terminal
) -> int:
    """Do the steps, or only name them; the exit code."""
    is_dry = given.flag("dry-run")
    if not is_dry:
        _refuse(plan, given, terminal)
        for step in plan.steps:
            terminal.info(f"{step.ref}: {step.change}")
            step.run(client)
    if given.text("output") == "json":
        files.write_output(listing.as_json(report.described(found, seen, plan, is_dry=is_dry)), None)
    else:
        files.write_output(report.text(found, seen, plan, is_dry=is_dry), None)
    return _DIFFERENT if is_dry and (plan.steps or plan.obstacles) else 0


def _refuse(plan: Plan, given: Given, terminal: Terminal) -> None:
    """Raises: KsealError, after each obstacle was named, before anything was written."""
    if not plan.obstacles:
        return
    for one in plan.obstacles:
        terminal.error(f"{one.ref}: {one.cause}", one.cure)
    if plan.patch and given.text("output") != "json":
        files.write_output(report.patch_text(plan), None)
    count = len(plan.obstacles)
    raise KsealError(
        f"nothing was written: {count} {'thing stands' if count == 1 else 'things stand'} in the way",
        "put that right and run the same again",
    )
