"""`kseal git ACTION`: encrypted files in Git, merged, shown in a diff, and looked at before a commit."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sealer.cli.misuse import Misused
from sealer.cli.verb import COMMON, Given, Option, Verb

if TYPE_CHECKING:
    from sealer.cli.terminal import Terminal

_ACTIONS = {
    "install": ("global", "local", "hooks", "team"),
    "uninstall": ("global", "local", "team"),
    "merge": (),
    "textconv": ("reveal",),
    "pre-commit": (),
}
"""Which options each action takes besides those of all."""

OPTIONS = (
    Option(("--local",), "install, uninstall: for this repository [default]."),
    Option(("--global",), "install, uninstall: for all repositories of this account."),
    Option(("--hooks",), "install: make the pre-commit hook of this repository, too."),
    Option(("--team",), "install, uninstall: name the files in .gitattributes, which everybody gets."),
    Option(("--reveal",), "textconv: print the values themselves."),
    *COMMON,
)


def run(given: Given, terminal: "Terminal", environ: Mapping[str, str]) -> int:
    """Check that the words make sense together, and do the action."""
    action, words = _action(given)
    if action == "merge":
        from sealer.cli import gitmerge

        return gitmerge.run(words, terminal, environ)
    if action == "textconv":
        from sealer.cli import gittextconv

        return gittextconv.run(words, terminal, environ, reveals=given.flag("reveal"))
    if action == "pre-commit":
        from sealer.cli import gitprecommit

        return gitprecommit.run(words, terminal, environ)
    from sealer.cli import gitinstall

    if given.flag("global") and (given.flag("local") or given.flag("hooks") or given.flag("team")):
        raise Misused("--global is for all repositories; --local, --hooks and --team are for one")
    wish = gitinstall.Wish(given.flag("global"), given.flag("hooks"), given.flag("team"), words)
    return (gitinstall.install if action == "install" else gitinstall.uninstall)(wish, terminal, environ)


def _action(given: Given) -> tuple[str, tuple[str, ...]]:
    """The action and the words after it. Raises: Misused."""
    action, *words = given.files or ("",)
    if action not in _ACTIONS:
        what = f'there is no action "{action}"' if action else "no action is named"
        raise Misused(what, hint=f"the actions are {', '.join(_ACTIONS)}")
    of_some = {name for names in _ACTIONS.values() for name in names}
    for key in given.values:
        if key in of_some and key not in _ACTIONS[action]:
            raise Misused(f"git {action} has no option --{key}")
    if action == "uninstall" and words:
        raise Misused("git uninstall takes no patterns: it removes all that install made")
    return action, tuple(words)


VERB = Verb(
    name="git",
    summary="Merge and diff encrypted files in Git, and keep plain Secrets out of commits.",
    text="install [PATTERN…] makes git merge SOPS files and SealedSecrets value by value and show them in diffs as "
    "names and keyed hashes; a pattern says for which files, all YAML, JSON, .env and .ini files if none is given. "
    "uninstall takes it all away again. merge and textconv are what git calls then; textconv FILE --reveal shows the "
    "values. pre-commit looks at what is staged and refuses plain Secrets, plain values in encrypted files, files that "
    "a rule of .sops.yaml wants encrypted, and SealedSecrets that nobody can open.",
    examples=(
        "kseal git install --hooks",
        "kseal git install --team '*.sops.yaml' 'secrets/**'",
        "kseal git textconv --reveal secrets.yaml",
        "kseal git pre-commit",
        "kseal git uninstall",
    ),
    options=OPTIONS,
    run=run,
    files="ACTION [WORD]...",
)
