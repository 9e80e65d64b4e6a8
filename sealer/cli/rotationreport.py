"""What a rotation says at its end: a table or JSON on standard output, and what went wrong beside it."""

from typing import TYPE_CHECKING, Any

from engine.errors import KsealError
from sealer.cli import files, listing
from sealer.cli.verb import Given

if TYPE_CHECKING:
    from sealer.cli.terminal import Terminal
    from sealer.rotation.forges.base import Request
    from sealer.rotation.job import FileReport

_DIFFERENT = 3


def report(
    reports: "list[FileReport]",
    newest: str | None,
    given: Given,
    terminal: "Terminal",
    request: "Request | None" = None,
) -> int:
    """Say what became of each file, and where the pull request is; the exit code."""
    failures = 0
    for done in reports:
        for place, error in _errors(done):
            failures += 1
            terminal.error(f"{place}: {error.message}", error.hint)
        if done.is_failed and any(found.resealed for found in done.objects):
            terminal.warning(f"{done.path}: not written, since not all of it could be resealed")
    is_dry = given.flag("dry-run")
    if given.text("output") == "json":
        files.write_output(listing.as_json(_described(reports, newest, request, is_dry=is_dry)), None)
    else:
        files.write_output(_table(reports, newest, is_dry=is_dry) + (f"{request.url}\n" if request else ""), None)
    if request is not None:
        terminal.info(f"the pull request is {request.state}")
        if request.state == "closed":
            terminal.warning(f"{request.url} was closed with these commits in it, and stays so")
    if failures:
        return 1
    return _DIFFERENT if is_dry and any(done.data for done in reports) else 0


def _errors(done: "FileReport") -> "list[tuple[str, KsealError]]":
    """What went wrong in a file, and where: a message about a file as a whole has its name in it already."""
    found = [(f"{one.file}: line {one.line}: SealedSecret/{one.ref}", one.error) for one in done.objects if one.error]
    if done.error is not None:
        what = done.error.message.removeprefix("cannot read ").removeprefix(f"{done.path}: ").partition("\n")[0]
        found.append((done.path, KsealError(what, done.error.hint)))
    return found


def _table(reports: "list[FileReport]", newest: str | None, *, is_dry: bool) -> str:
    """A row for each object that changes or cannot; objects that are as they should be would only hide those."""
    rows = []
    for done in reports:
        for one in done.objects:
            state = _state(done, bool(one.error), bool(one.resealed), is_dry=is_dry)
            if state != "current":
                old = sorted({key for key in one.keys.values() if key != newest})
                items = f"{len(one.resealed)}/{len(one.keys)}" if one.keys else "-"
                rows.append((f"{done.path}:{one.line}", one.ref, items, ",".join(old) or "-", state))
        if done.sops and done.sops.reasons:
            rows.append((done.path, "SOPS", "-", " ".join(done.sops.reasons), _sops_state(done, is_dry=is_dry)))
        if done.error is not None and not done.objects:
            rows.append((done.path, "-", "-", "-", "failed"))
    return listing.table(("FILE", "OBJECT", "ITEMS", "OLD KEY", "STATE"), rows)


def _state(done: "FileReport", is_failed: bool, is_old: bool, *, is_dry: bool) -> str:
    if is_failed:
        return "failed"
    if not is_old:
        return "current"
    if done.is_failed:
        return "not written"
    return "would be resealed" if is_dry else "resealed"


def _sops_state(done: "FileReport", *, is_dry: bool) -> str:
    if done.data is None:
        return "current"
    return "would be rotated" if is_dry else "rotated"


def _described(
    reports: "list[FileReport]", newest: str | None, request: "Request | None", *, is_dry: bool
) -> dict[str, Any]:
    return {
        "newest": newest,
        **({"request": {"url": request.url, "state": request.state}} if request else {}),
        "files": [
            {
                "path": done.path,
                "changed": done.data is not None,
                **({"error": done.error.message} if done.error else {}),
                **(
                    {"sops": {"state": _sops_state(done, is_dry=is_dry), "reasons": list(done.sops.reasons)}}
                    if done.sops
                    else {}
                ),
                "objects": [
                    {
                        "line": one.line,
                        "object": one.ref,
                        "state": _state(done, bool(one.error), bool(one.resealed), is_dry=is_dry),
                        "keys": dict(one.keys),
                        "resealed": list(one.resealed),
                        **({"error": one.error.message} if one.error else {}),
                    }
                    for one in done.objects
                ],
            }
            for done in reports
        ],
    }
