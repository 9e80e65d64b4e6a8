"""Which of Flux's controllers kseal takes the place of, what stands in the way of that, and the steps. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from controller.adopt.flux import flags, revival
from controller.adopt.flux.installation import OURS, Installation, Original
from controller.adopt.flux.leases import Freed
from controller.adopt.flux.roles import ROLES, Role
from controller.adopt.flux.survey import (
    NEED_NOTIFICATION_CONTROLLER,
    NEED_SOURCE_CONTROLLER,
    Survey,
    ref_of,
)
from controller.adopt.installation import Controller
from controller.adopt.steps import REPLICAS, Patience, Step, down, is_redirected, leads_to, redirect, restore, up
from controller.flux.names import NOTIFICATION_CONTROLLER
from controller.settings import Flux
from engine.errors import KsealError
from engine.kube.refs import ObjectRef

_SHOWN: Final = 3
"""Objects that a reason names."""
_WORK: Final = ("source", "kustomize", "notification")
"""In the order of work, in which a person names them."""


class Verdict(NamedTuple):
    """What becomes of a Deployment of Flux's; `why` it stays, empty when it is replaced."""

    original: Original
    why: str

    @property
    def is_replaced(self) -> bool:
        return not self.why


class Obstacle(NamedTuple):
    """Something that keeps a takeover from its first step."""

    ref: str
    cause: str
    cure: str


class Lost(NamedTuple):
    """A Service that leads to nobody after a takeover, and why it cannot be led to kseal."""

    ref: str
    why: str


Led = tuple[dict[str, Any], int]
"""A Service that has to lead to kseal, and the port at which kseal answers."""


class Plan(NamedTuple):
    """All that is to be said and done."""

    verdicts: tuple[Verdict, ...] = ()
    components: str = ""
    """How kseal has to be installed: its flags."""
    obstacles: tuple[Obstacle, ...] = ()
    lost: tuple[Lost, ...] = ()
    differing: tuple[tuple[str, str], ...] = ()
    """Deployments of Flux's, and how they are set otherwise than ours."""
    steps: tuple[Step, ...] = ()
    patch: str = ""
    """What Git would have to say; empty when nothing there stands in the way."""


def adoption(found: Installation, seen: Survey, ours: Flux | None, patience: Patience) -> Plan:
    """What a takeover still has to do. `ours`: how kseal's Deployment is set, None where there is none."""
    kept = {role: _kept(role, seen) for role in ROLES}
    verdicts = tuple(Verdict(one, _why(one, kept, ours)) for one in found.originals)
    replaced = [one.original for one in verdicts if one.is_replaced]
    services, lost = _services(found, replaced, ours)
    advice = _advice(kept, found, seen)
    steps = [down(one.deployment) for one in replaced if one.deployment.replicas]
    obstacles = list(_installed(found, kept, ours, advice, is_work=bool(replaced)))
    obstacles += [*_harmed(seen, replaced), *_operated(found, seen, replaced)]
    if found.ours is not None and ours is not None:
        obstacles += _trust(replaced, ours)
        obstacles += _both(found.ours, replaced)
        if not found.ours.replicas:
            deployments = [one.deployment for one in replaced]
            roles = [role for role in ROLES if role.part in ours.controllers]
            look = Freed(found.namespace, roles)
            steps.append(up(found.ours, after=deployments, patience=patience, look=look))
        steps += [redirect(raw, found.ours, patience, port=port) for raw, port in services]
    revived = list(_revived(found, seen, replaced, services))
    patch = ""
    if revived:
        selector = found.ours.selector if found.ours is not None else {}
        led = [(raw["metadata"]["name"], selector, port) for raw, port in services]
        patch = revival.patch([one.deployment for one in replaced], led)
    return Plan(
        verdicts,
        advice,
        (*obstacles, *revived),
        lost,
        tuple((one.deployment.ref, text) for one in replaced if ours for text in flags.differing(one, ours)),
        tuple(steps),
        patch,
    )


def way_back(
    found: Installation, kustomizations: Sequence[dict[str, Any]], parts: frozenset[str], patience: Patience
) -> Plan:
    """What undoes a takeover. `parts`: what kseal is set to be. Raises: KsealError where there was none."""
    ours = found.ours
    originals = [one for one in reversed(found.originals) if one.role is not None]
    remembered = [one for one in originals if REPLICAS in one.deployment.annotations]
    services = [raw for raw in found.services if is_redirected(raw)]
    is_both = (
        ours is not None
        and bool(ours.replicas)
        and any(one.deployment.replicas and one.role is not None and one.role.part in parts for one in originals)
    )
    if not remembered and not services and not is_both:
        raise KsealError(
            f"Namespace/{found.namespace}: there is no takeover to undo: no Deployment of Flux was scaled down by one",
            "if what is in Git scaled them down, revert that; else name Flux's namespace with --runtime-namespace",
        )
    obstacles = [
        Obstacle(
            one.deployment.ref,
            f"{ref_of(raw)} would scale it down again: what is in Git has it at 0",
            f"revert that in Git and wait until it is applied, or suspend it: {revival.suspension(raw)}",
        )
        for one in remembered
        for raw in revival.holders(kustomizations, _ref(one.deployment), one.deployment.raw)
        if revival.is_kept_at_zero(raw, one.deployment)
    ]
    steps = [down(ours)] if ours is not None and ours.replicas else []
    after = (ours,) if ours is not None else ()
    for one in remembered:
        look = (
            Freed(found.namespace, [one.role] if one.role is not None else []) if not one.deployment.replicas else None
        )
        steps.append(up(one.deployment, after=after, patience=patience, look=look))
    steps += [restore(raw) for raw in services]
    return Plan(obstacles=tuple(obstacles), steps=tuple(steps))


def _kept(role: Role, seen: Survey) -> str:
    """Why a controller of Flux's has to stay; empty when kseal can be it."""
    if role.part == "source":
        needing = seen.refs(*NEED_SOURCE_CONTROLLER)
        breaking = [found.ref for found in seen.breaking("GitRepository")]
    elif role.part == "notification":
        needing = seen.refs(*NEED_NOTIFICATION_CONTROLLER)
        breaking = [found.ref for found in seen.breaking("Receiver")]
    else:
        return ""
    reasons = [f"{_some(needing)} need{'s' if len(needing) == 1 else ''} it"] if needing else []
    reasons += [f"{_some(breaking)} would fail with kseal"] if breaking else []
    return "; ".join(reasons)


def _why(one: Original, kept: Mapping[Role, str], ours: Flux | None) -> str:
    role = one.role
    if role is None:
        return f"kseal is no {one.controller}"
    if kept[role]:
        return kept[role]
    if ours is not None and role.part not in ours.controllers:
        return f"kseal could replace it, and is not set to: {role.component} is missing in its --components"
    return ""


def _advice(kept: Mapping[Role, str], found: Installation, seen: Survey) -> str:
    """The flags with which kseal takes over all that it can."""
    possible = sorted((role for role in ROLES if not kept[role]), key=lambda role: _WORK.index(role.part))
    words = ["flux"] if len(possible) == len(ROLES) else [role.component for role in possible]
    return " ".join([f"--components={','.join(words)}", *_events(kept, found, seen)])


def _events(kept: Mapping[Role, str], found: Installation, seen: Survey) -> list[str]:
    """Alerts stay with Flux, and have to hear what kseal does."""
    is_kept = any(role.controller == NOTIFICATION_CONTROLLER and why for role, why in kept.items())
    if not is_kept or not seen.objects.get("Alert"):
        return []
    return [f"--events-addr=http://{NOTIFICATION_CONTROLLER}.{found.namespace}.svc.cluster.local./"]


def _installed(
    found: Installation, kept: Mapping[Role, str], ours: Flux | None, advice: str, *, is_work: bool
) -> Iterator[Obstacle]:
    """Whether kseal stands beside Flux, and is set to be what can be replaced and nothing else."""
    if found.ours is None or ours is None:
        ref = str(ObjectRef("apps", "Deployment", found.namespace, OURS))
        yield Obstacle(
            ref,
            "kseal's controller of deliveries is not installed",
            f"install it beside Flux with no replica and with {advice}, as docs/migrate-from-flux.md shows",
        )
        return
    ref = found.ours.ref
    if ours.namespace != found.namespace:
        yield Obstacle(
            ref,
            f"it takes its Leases in namespace {ours.namespace}, Flux in {found.namespace}",
            f"set --runtime-namespace={found.namespace}, so that never both work",
        )
    for role in ROLES:
        if role.part in ours.controllers and kept[role]:
            cause = f"it is set to be {role.controller} too, which has to stay: {kept[role]}"
            yield Obstacle(ref, cause, f"set {advice}")
    possible = {role.part for role in ROLES if not kept[role]}
    if not ours.controllers & possible:
        yield Obstacle(ref, "it is set to be nothing that can be replaced here", f"set {advice}")
    if ours.label_selector:
        yield Obstacle(
            ref,
            f"it works on resources of {ours.label_selector} only",
            "leave out --watch-label-selector: all shards are taken over at once",
        )
    wanted = next((word for word in advice.split() if word.startswith("--events-addr=")), "")
    if wanted and not ours.events_address and is_work:
        yield Obstacle(ref, "Alerts stay with Flux, and would not hear of what kseal does", f"set {wanted}")


def _harmed(seen: Survey, replaced: Sequence[Original]) -> Iterator[Obstacle]:
    """A takeover must not break what works."""
    if any(one.role is not None and one.role.part == "kustomize" for one in replaced):
        for found in seen.breaking("Kustomization"):
            yield Obstacle(
                found.ref, f"is ready now, and would not be: {found.detail}", "put it right, or suspend it, first"
            )


def _trust(replaced: Sequence[Original], ours: Flux) -> Iterator[Obstacle]:
    for one in replaced:
        for cause, cure in flags.weakened(one, ours):
            yield Obstacle(one.deployment.ref, cause, cure)


def _both(ours: Controller, replaced: Sequence[Original]) -> Iterator[Obstacle]:
    """Nobody can say whose work it is that would be ended."""
    working = [one.deployment for one in replaced if one.deployment.replicas]
    if ours.replicas and working:
        names = " ".join(f"deployment/{one.name}" for one in working)
        yield Obstacle(
            ours.ref,
            f"both are scaled up, it and {_some([one.ref for one in working])}",
            f"scale down who is not to work: kubectl scale -n {ours.namespace} deployment/{ours.name} --replicas=0, or "
            f"kubectl scale -n {working[0].namespace} {names} --replicas=0",
        )


def _operated(found: Installation, seen: Survey, replaced: Sequence[Original]) -> Iterator[Obstacle]:
    """The Flux Operator would undo what a takeover does."""
    for raw in seen.objects.get("FluxInstance", ()) if replaced else ():
        namespace, name = raw["metadata"]["namespace"], raw["metadata"]["name"]
        if namespace == found.namespace and revival.is_kept_by_operator(raw):
            cure = f"kubectl annotate --overwrite -n {namespace} fluxinstance/{name} {revival.OPERATES}=disabled"
            yield Obstacle(ref_of(raw), "its operator would scale Flux up again", f"have it let go: {cure}")


def _revived(
    found: Installation, seen: Survey, replaced: Sequence[Original], services: Sequence[Led]
) -> Iterator[Obstacle]:
    """What would be put back by somebody who applies Flux itself."""
    kustomizations = seen.objects.get("Kustomization", ())
    for one in replaced:
        for raw in revival.holders(kustomizations, _ref(one.deployment), one.deployment.raw):
            if not revival.is_kept_at_zero(raw, one.deployment):
                cause = revival.describes(raw, "it applies Flux itself, and not with 0 replicas")
                yield Obstacle(one.deployment.ref, cause, revival.cure(raw))
    for service, _ in services:
        ref = ObjectRef("", "Service", found.namespace, service["metadata"]["name"])
        for raw in revival.holders(kustomizations, ref, service):
            cause = revival.describes(raw, "it applies Flux itself, and not with kseal's Pods behind this")
            yield Obstacle(str(ref), cause, revival.cure(raw))


def _services(
    found: Installation, replaced: Sequence[Original], ours: Flux | None
) -> tuple[list[Led], tuple[Lost, ...]]:
    """The Services that have to lead to kseal, and those that would and cannot."""
    led: list[Led] = []
    lost: list[Lost] = []
    for service in found.services:
        for one in replaced:
            port = one.role.port if one.role is not None else None
            targets = [entry.get("targetPort") for entry in service["spec"].get("ports") or ()]
            is_its = port is not None and bool(targets) and all(target in port for target in targets)
            if found.ours is None or ours is None or not is_its or not leads_to(service, one.deployment, found.ours):
                continue
            if found.ours.namespace == found.namespace:
                led.append((service, _port(one, ours)))
            else:
                ref = str(ObjectRef("", "Service", found.namespace, service["metadata"]["name"]))
                lost.append(Lost(ref, f"{found.ours.ref} is in another namespace"))
    return led, tuple(lost)


def _port(original: Original, ours: Flux) -> int:
    """Where kseal answers what the original answers. Raises: KsealError."""
    is_source = original.role is not None and original.role.part == "source"
    address = ours.storage_address if is_source else ours.receiver_address
    port = address.rpartition(":")[2]
    if not port.isdecimal():
        raise KsealError(f'"{address}" is no address that kseal could answer at', "write it as :9090 in its flags")
    return int(port)


def _ref(deployment: Controller) -> ObjectRef:
    return ObjectRef("apps", "Deployment", deployment.namespace, deployment.name)


def _some(refs: Sequence[str]) -> str:
    more = len(refs) - _SHOWN
    return ", ".join(refs[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
