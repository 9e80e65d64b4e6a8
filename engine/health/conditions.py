"""Rules on conditions, which hold for kinds that nobody has a rule for: deletion, generations, Reconciling, Ready.

Source: kubernetes-sigs/cli-utils pkg/kstatus/status, generic.go, util.go, status.go and core.go.
"""

from typing import NamedTuple

from engine.health.fields import Misshapen, Object, exact_integer, exact_string
from engine.health.verdict import Health, Verdict


class Condition(NamedTuple):
    type: str
    status: str
    reason: str
    message: str


def conditions_of(obj: Object) -> list[Condition]:
    """The conditions of a status, what is missing in them empty. Raises: Misshapen where a type is another one."""
    status = obj.get("status")
    if status is None:
        return []
    if not isinstance(status, dict):
        raise Misshapen(".status: expected an object")
    listed = status.get("conditions")
    if listed is None:
        return []
    if not isinstance(listed, list):
        raise Misshapen(".status.conditions: expected a list")
    return [_condition(found) for found in listed]


def _condition(found: object) -> Condition:
    if found is None:
        return Condition("", "", "", "")
    if not isinstance(found, dict):
        raise Misshapen(".status.conditions: expected a list of objects")
    values = [found.get(field) for field in Condition._fields]
    if not all(value is None or isinstance(value, str) for value in values):
        raise Misshapen(".status.conditions: expected strings in each")
    return Condition(*(value or "" for value in values))


def generic(obj: Object) -> Verdict | None:
    """What holds for every kind before its own rule; None when that has to decide. Raises: Misshapen."""
    if exact_string(obj, "metadata", "deletionTimestamp"):
        return Verdict(Health.TERMINATING, "Resource scheduled for deletion")
    generation = exact_integer(obj, "metadata", "generation")
    if generation is not None:
        observed = exact_integer(obj, "status", "observedGeneration")
        if observed is not None and observed != generation:
            return Verdict(
                Health.IN_PROGRESS,
                f"{kind_of(obj)} generation is {generation}, but latest observed generation is {observed}",
            )
    for condition in conditions_of(obj):
        if condition.type == "Reconciling" and condition.status == "True":
            return Verdict(Health.IN_PROGRESS, condition.message)
        if condition.type == "Stalled" and condition.status == "True":
            return Verdict(Health.FAILED, condition.message)
    return None


def ready(obj: Object) -> Verdict:
    """The rule for kinds without one: the first condition Ready that says something, and current without. Raises:
    Misshapen."""
    for condition in conditions_of(obj):
        if condition.type != "Ready":
            continue
        if condition.status == "True":
            return Verdict(Health.CURRENT, "Resource is Ready")
        if condition.status in ("False", "Unknown"):
            return Verdict(Health.IN_PROGRESS, condition.message)
    return Verdict(Health.CURRENT, "Resource is current")


def definition(obj: Object) -> Verdict:
    """A CustomResourceDefinition: established, or its names refused. Raises: Misshapen."""
    for condition in conditions_of(obj):
        if condition.type == "NamesAccepted" and condition.status == "False":
            return Verdict(Health.FAILED, condition.message)
        if condition.type == "Established":
            if condition.status == "False" and condition.reason != "Installing":
                return Verdict(Health.FAILED, condition.message)
            if condition.status == "True":
                return Verdict(Health.CURRENT, "CRD is established")
    return Verdict(Health.IN_PROGRESS, "Install in progress")


def always_ready(_: Object) -> Verdict:
    """Kinds that are done when they exist."""
    return Verdict(Health.CURRENT, "Resource is always ready")


def kind_of(obj: Object) -> str:
    """The kind, for messages."""
    kind = obj.get("kind")
    return kind if isinstance(kind, str) else ""
