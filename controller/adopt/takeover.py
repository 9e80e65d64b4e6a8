"""The takeover from the controller of Sealed Secrets and the way back, as lists of steps: stop the one controller,
wait until it is gone, start the other, let the Service follow."""

from typing import Final

from controller.adopt.installation import Installation
from controller.adopt.steps import REPLICAS, Patience, Step, down, is_redirected, leads_to, redirect, restore, up
from engine.errors import KsealError

_PATIENCE: Final = Patience("sealed-secrets")


def adoption(found: Installation) -> list[Step]:
    """What a takeover still has to do.

    Raises: KsealError where there is nothing that could take over.
    """
    original, ours = found.original, found.ours
    if ours is None:
        raise KsealError(
            "kseal's controller is not installed in the namespace of the keys",
            "install it beside the original with no replica, as docs/migrate-from-sealed-secrets.md shows",
        )
    steps = [down(original)] if original is not None and original.replicas else []
    if not ours.replicas:
        steps.append(up(ours, after=(original,) if original is not None else (), patience=_PATIENCE))
    if original is not None and found.service is not None and leads_to(found.service, original, ours):
        steps.append(redirect(found.service, ours, _PATIENCE))
    return steps


def way_back(found: Installation) -> list[Step]:
    """What undoes a takeover.

    Raises: KsealError where there was none.
    """
    original, ours, service = found
    if original is None or REPLICAS not in original.annotations:
        raise KsealError(
            "there is no takeover to undo: no Deployment of the original was scaled down by one",
            "if kseal replaced it in place, apply the original's manifest again",
        )
    steps = [down(ours)] if ours is not None and ours.replicas else []
    if service is not None and is_redirected(service):
        steps.append(restore(service))
    return [*steps, up(original, after=(ours,) if ours is not None else (), patience=_PATIENCE)]
