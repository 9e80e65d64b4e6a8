"""`kseal adopt sealed-secrets`: say what would change, take over, or go back."""

from datetime import UTC, datetime
from typing import Any, Final

from controller.adopt.installation import Installation, find, settings_of
from controller.adopt.steps import Step
from controller.adopt.survey import Finding, State, Survey, survey
from controller.adopt.takeover import adoption, way_back
from controller.sealed import keysecrets
from engine.errors import KsealError
from engine.kube.client import Cluster
from engine.kube.refs import SECRETS
from sealer.cli import cluster, files, listing
from sealer.cli.terminal import Terminal
from sealer.cli.verb import Given
from sealer.wrappedkey import is_wrapped

SYSTEM: Final = "sealed-secrets"
_DIFFERENT: Final = 3


def run(client: Cluster, given: Given, terminal: Terminal) -> int:
    """Raises: KsealError."""
    namespace = given.text("controller-namespace") or cluster.CONTROLLER_NAMESPACE
    found = find(client, namespace, given.text("controller-name") or cluster.CONTROLLER_NAME)
    if given.flag("undo"):
        _refuse_wrapped(client, namespace)
        return _go(client, way_back(found), None, given, terminal)
    steps = _steps(found, given)
    return _go(client, steps, _look(client, found, namespace, terminal), given, terminal)


def _look(client: Cluster, found: Installation, namespace: str, terminal: Terminal) -> Survey:
    """What kseal would write; with its own settings where it is installed, else with the original's."""
    settings = settings_of(found.ours or found.original, namespace)
    seen = survey(client, settings, datetime.now(UTC))
    for ref, error in seen.unreadable:
        terminal.warning(f"{ref}: not taken for a sealing key: {error.message}", error.hint)
    terminal.info(f"{len(seen.ring)} keys, {len(seen.findings)} SealedSecrets")
    return seen


def _refuse_wrapped(client: Cluster, namespace: str) -> None:
    """The original passes over a wrapped key, and makes a new one in its place. Raises: KsealError."""
    keys = client.list(SECRETS, namespace, label_selector=keysecrets.SELECTOR)
    names = [str(raw["metadata"]["name"]) for raw in keys if is_wrapped(raw)]
    if names:
        raise KsealError(
            f"Namespace/{namespace}: sealing keys are wrapped, which the original cannot read: {', '.join(names)}",
            "make them plain first: kseal keys unwrap --all --plaintext --with KEY, or --identity FILE for age",
        )


def _steps(found: Installation, given: Given) -> list[Step]:
    """A look needs no controller of ours; without one there are no steps to show."""
    if given.flag("dry-run") and found.ours is None:
        return []
    return adoption(found)


def _go(client: Cluster, steps: list[Step], seen: Survey | None, given: Given, terminal: Terminal) -> int:
    """Do the steps, or only name them; the exit code."""
    findings = seen.findings if seen else []
    is_dry = given.flag("dry-run")
    if not is_dry:
        _refuse_harm(findings, terminal)
        for step in steps:
            terminal.info(f"{step.ref}: {step.change}")
            step.run(client)
    _report(steps, seen, given)
    return _DIFFERENT if is_dry and (steps or any(one.is_change for one in findings)) else 0


def _refuse_harm(findings: list[Finding], terminal: Terminal) -> None:
    """A takeover must not break what works. Raises: KsealError, after each of them was named."""
    broken = [one for one in findings if one.breaks]
    for one in broken:
        terminal.error(f"{one.ref}: is synced now, and would not be: {one.detail}")
    if broken:
        raise KsealError(f"nothing was taken over, because of {len(broken)} SealedSecrets", "put them right first")
    for one in findings:
        if one.state is State.CHANGED:
            terminal.warning(f"{one.ref}: its Secret differs and is put right: {one.detail}")


def _report(steps: list[Step], seen: Survey | None, given: Given) -> None:
    """The differences first, then the steps; what is right would only hide them."""
    findings = [one for one in seen.findings if one.state is not State.RIGHT] if seen else []
    if given.text("output") == "json":
        files.write_output(listing.as_json(_described(steps, seen, findings, is_dry=given.flag("dry-run"))), None)
        return
    rows = [(one.ref, one.state.value, one.detail or "-") for one in findings]
    rows += [(ref, "not a key", error.message) for ref, error in seen.unreadable] if seen else []
    rows += [(step.ref, "would be changed" if given.flag("dry-run") else "changed", step.change) for step in steps]
    files.write_output(listing.table(("OBJECT", "STATE", "DETAIL"), rows), None)


def _described(steps: list[Step], seen: Survey | None, findings: list[Finding], *, is_dry: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    if seen is not None:
        shown["sealedSecrets"] = [
            {
                "object": one.ref,
                "state": one.state.value,
                "changesStatus": one.changes_status,
                **({"detail": one.detail} if one.detail else {}),
            }
            for one in findings
        ]
        shown["right"] = len(seen.findings) - len(findings)
        shown["keys"] = {
            "usable": len(seen.ring),
            "unreadable": [{"object": ref, "error": error.message} for ref, error in seen.unreadable],
        }
    shown["steps"] = [{"object": step.ref, "change": step.change, "done": not is_dry} for step in steps]
    return shown
