"""`kseal adopt SYSTEM`: take over from another controller, or go back to it. Each system is a module of its own."""

from collections.abc import Mapping
from typing import Final

from controller.adopt import sealedsecrets
from controller.origin import check_origin
from engine.errors import KsealError
from engine.kube.client import Cluster
from sealer.cli import cluster, listing
from sealer.cli.commands import command_of
from sealer.cli.misuse import Misused
from sealer.cli.terminal import Terminal
from sealer.cli.verb import COMMON, Given, Option, Verb

FLUX: Final = "flux"
SYSTEMS: Final = (sealedsecrets.SYSTEM, FLUX)
_OF_ONE: Final = {
    "controller-name": sealedsecrets.SYSTEM,
    "controller-namespace": sealedsecrets.SYSTEM,
    "runtime-namespace": FLUX,
    "timeout": FLUX,
}
"""Options that mean nothing for the other system."""
_TIMEOUT_SECONDS: Final = 180.0
_EXAMPLES: Final = tuple(f"kseal adopt {system}{flag}" for system in SYSTEMS for flag in (" --dry-run", "", " --undo"))


def run(given: Given, terminal: Terminal, environ: Mapping[str, str]) -> int:
    """Raises: Misused, KsealError."""
    check_origin()
    system = _system(given)
    timeout_seconds = _timeout_seconds(given)
    client = Cluster(cluster.connect(given, environ), timeout_seconds=cluster.timeout_seconds(given))
    try:
        if system == sealedsecrets.SYSTEM:
            return sealedsecrets.run(client, given, terminal)
        try:
            from controller.adopt.flux import command as flux
        except ModuleNotFoundError as error:
            raise KsealError(
                f'adopt flux needs the package "{error.name}", which is not installed',
                "install kseal again from its wheel with the extra [controller]",
            ) from error
        return flux.run(client, given, terminal, timeout_seconds)
    finally:
        client.close()


def _system(given: Given) -> str:
    if len(given.files) != 1 or given.files[0] not in SYSTEMS:
        what = "what to take over from is not named"
        if given.files:
            what = f"adopt takes over from one of {', '.join(SYSTEMS)}"
        raise Misused(what, hint=f"for example: {_EXAMPLES[0]}")
    for key, system in _OF_ONE.items():
        if given.said(key) and system != given.files[0]:
            raise Misused(f"--{key} belongs to kseal adopt {system}")
    return given.files[0]


def _timeout_seconds(given: Given) -> float:
    """Raises: Misused."""
    text = given.text("timeout")
    if text is None:
        return _TIMEOUT_SECONDS
    try:
        return cluster.timeout_seconds(Given((), {"request-timeout": text}))
    except Misused as error:
        raise Misused(error.message.replace("--request-timeout", "--timeout"), error.hint) from None


VERB: Final = Verb(
    name="adopt",
    summary="Take over from the controller of Sealed Secrets, or from Flux.",
    text="With --dry-run it only reads, and says what would change, and what stands in the way; the exit code is 3 if "
    "there is anything. Without it the original's Deployments are scaled down, kseal's, which has to be installed "
    "beside them, is scaled up once the originals have ended, and the Services that clients know lead to it. What they "
    "manage is not touched: no key, no SealedSecret and no Secret that is right, and nothing that Flux has applied but "
    "Flux itself. Of Flux's controllers those are taken over that kseal can be; the report says which, and why others "
    "stay. --undo is the way back. Values are never shown.",
    examples=_EXAMPLES,
    options=(
        Option(("--dry-run",), "Write nothing; say what would change, with exit code 3 if anything would."),
        Option(("--undo",), "Go back to the original controller."),
        Option(("-n", "--runtime-namespace"), "Namespace of Flux's controllers [default: flux-system].", "NAME"),
        Option(("--timeout",), "How long to wait for Pods and Leases of Flux, as 5m [default: 3m].", "TIME"),
        listing.OUTPUT,
        *(option for option in cluster.OPTIONS if option.key != "namespace"),
        *COMMON,
    ),
    run=run,
    files="SYSTEM",
    words=SYSTEMS,
)
command: Final = command_of(VERB)
