"""`kseal rotate --pull-request`: what was pushed is put before the people who review it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from engine.errors import KsealError
from sealer.cli.misuse import Misused
from sealer.cli.verb import Given, Option

if TYPE_CHECKING:
    from engine.git.credentials import Credentials
    from sealer.rotation.forges.base import Forge, Proposal, Request

BRANCH = "rotate-sealed-secrets"
OPTIONS = (
    Option(
        ("--pull-request",),
        f"Commit, push to --branch [default: {BRANCH}], and open a pull or merge request, unless there is one.",
    ),
    Option(
        ("--forge",),
        "Where requests are opened, when the remote's host does not tell: github, gitlab or gitea, =URL for its pages.",
        "KIND[=URL]",
    ),
)


def imply(given: Given) -> None:
    """Fill in what `--pull-request` means besides itself. Raises: Misused for `--forge` without it."""
    if not given.flag("pull-request"):
        if given.text("forge"):
            raise Misused("--forge needs --pull-request")
        return
    given.values.setdefault("branch", BRANCH)
    given.values |= {"commit": True, "push": True}


def chosen(given: Given, url: str, credentials: "Credentials", environ: Mapping[str, str]) -> "Forge | None":
    """Where the request is to be opened, None where none is wanted. Nothing is asked yet. Raises: Misused."""
    if not given.flag("pull-request") or given.flag("dry-run"):
        return None
    from sealer.rotation.forges.choose import choose

    try:
        return choose(given.text("forge"), url, token=credentials.forge_token(), environ=environ)
    except KsealError as error:
        raise Misused(error.message, error.hint) from error


def open_or_find(forge: "Forge", proposal: "Proposal") -> "Request":
    """The request for what is pushed already.

    Raises: KsealError, which says that the branch stands.
    """
    from sealer.rotation.forges.base import propose

    try:
        return propose(forge, proposal)
    except KsealError as error:
        again = "the same command again opens the request and nothing else"
        raise KsealError(
            f'the branch "{proposal.branch}" is pushed, but has no pull request: {error.message}',
            f"{error.hint}; {again}" if error.hint else again,
        ) from error
