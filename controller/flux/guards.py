"""Whether what strangers wrote is built behind all guards that there are; told at the start, and needed by lockdown."""

from typing import Any

from engine.errors import KsealError
from engine.render.jail import Jail


def check(jail: Jail, *, lockdown: bool, log: Any) -> None:
    """Say which guards hold. Raises: KsealError under lockdown, naming those that do not."""
    held = jail.held()
    missing = [name for name, holds in held.items() if not holds]
    log.info("guards", held=[name for name, holds in held.items() if holds], missing=missing)
    if lockdown and missing:
        raise KsealError(
            f"--lockdown: builds cannot be locked in, this machine has no {', no '.join(missing)}",
            "use a kernel and a container profile that have them, or leave --lockdown out",
        )
