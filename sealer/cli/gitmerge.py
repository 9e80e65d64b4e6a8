"""`kseal git merge`: what git calls to merge three versions of a file.

The result is written over ours, whole or not at all, and is a valid encrypted file in any case: places that both sides
changed say what ours says. There are no conflict markers in ciphertext, which nobody could resolve; git learns of the
conflict by the exit code, the person by the names of the places.
"""

import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import KsealError
from sealer.cli import files, gitfile
from sealer.cli.gitchild import Git
from sealer.cli.misuse import Misused
from sealer.versions import kinds
from sealer.versions.kinds import Kind
from sealer.versions.outcome import Outcome

if TYPE_CHECKING:
    from sealer.cli.terminal import Terminal
    from sealer.sops.formats.base import Format

_MOST_SHOWN = 20


def run(words: tuple[str, ...], terminal: "Terminal", environ: Mapping[str, str]) -> int:
    """Merge %O %A %B of %P (base, ours, theirs and the path in the tree); `%L` is the size of conflict markers."""
    if len(words) not in (4, 5):
        raise Misused(
            "git merge takes BASE OURS THEIRS PATH, as git calls it", "kseal git install tells git to call it"
        )
    paths, path = words[:3], words[3]
    marker = words[4] if len(words) == 5 and words[4].isdigit() else "7"
    versions = [gitfile.read(name) for name in paths]
    form = gitfile.form_of(path, terminal)
    try:
        outcome = _merged(versions, path, form, environ)
    except KsealError as error:
        raise KsealError(
            f"{path}: not merged: {error.message}",
            f"{error.hint + '; ' if error.hint else ''}it stays as ours; git checkout --theirs {path} takes theirs",
        ) from error
    if outcome is None:
        return _as_text(paths, marker, path, environ)
    files.write_file(paths[1], outcome.data)
    return _report(path, outcome, terminal)


def _merged(versions: list[bytes], path: str, form: "Format", environ: Mapping[str, str]) -> Outcome | None:
    """None for versions that are neither SOPS files nor hold SealedSecrets. Raises: KsealError."""
    base, ours, theirs = versions
    found = {name: kinds.of(data, form) for name, data in (("ours", ours), ("theirs", theirs))}
    mine, its = found.values()
    if mine is not its and Kind.SOPS in (mine, its):
        other = next(name for name, kind in found.items() if kind is not Kind.SOPS)
        raise KsealError(f"{other} is not encrypted, the other side is", "encrypt it on that branch, then merge again")
    if mine is Kind.SOPS:
        from sealer.versions import envelopes

        keys = gitfile.own_keys(environ, form.read_encrypted(ours).metadata)
        return envelopes.merged(base, ours, theirs, form, keys, now=datetime.now(UTC))
    if mine is its is Kind.SEALED:
        from sealer.versions import sealed

        return sealed.merged(base, ours, theirs, path, _line_merge(Git(environ)))
    return None


def _line_merge(git: Git):  # type: ignore[no-untyped-def]  # sealer.versions.sealed.LineMerge, imported late
    """The merge of lines by git. Its files hold what is in the repository anyway, and are gone afterwards."""

    def merge(base: bytes, ours: bytes, theirs: bytes) -> tuple[bytes, bool]:
        files.end_by_exception()
        with tempfile.TemporaryDirectory(prefix="kseal-merge-") as folder:
            paths = [Path(folder, name) for name in ("ours", "base", "theirs")]
            for path, data in zip(paths, (ours, base, theirs), strict=True):
                path.write_bytes(data)
            names = [str(path) for path in paths]
            by_both, is_clean = git.merge_lines(names)
            return (by_both, True) if is_clean else (git.merge_lines(names, "--ours")[0], False)

    return merge


def _as_text(paths: tuple[str, ...], marker: str, path: str, environ: Mapping[str, str]) -> int:
    """Merge what is not encrypted as git would have done, with markers."""
    base, ours, theirs = paths
    labels = ("-L", "ours", "-L", "base", "-L", "theirs")
    try:
        data, is_clean = Git(environ).merge_lines((ours, base, theirs), f"--marker-size={marker}", *labels)
    except KsealError as error:
        raise KsealError(f"{path}: not merged: {error.message}", "it stays as ours") from error
    files.write_file(ours, data)
    return 0 if is_clean else 1


def _report(path: str, outcome: Outcome, terminal: "Terminal") -> int:
    if not outcome.conflicts:
        return 0
    for place in outcome.conflicts[:_MOST_SHOWN]:
        terminal.error(f"{path}: both sides changed {place}")
    more = len(outcome.conflicts) - _MOST_SHOWN
    if more > 0:
        terminal.error(f"{path}: and {more} more")
    terminal.hint(
        f"all else is merged, there ours stands; set what is right (kseal sops set, kseal set) and git add {path}, or "
        f"take a whole side: git checkout --theirs {path}"
    )
    return 1
