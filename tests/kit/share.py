"""Data files that a program's own module brings, such as node stages and CRDs: the original's, never a copy of ours."""

import os
import shutil
from pathlib import Path

from tests.kit import gomodule
from tests.kit.build import allowed
from tests.kit.cache import Cache
from tests.kit.errors import KitError, Unavailable
from tests.kit.progress import say
from tests.kit.table import named


def upstream_file(name: str, relative: str, *, cache: Cache | None = None) -> Path:
    """A file of the Go module that the program `name` is built from, by its path in that module.

    It is kept beside the built programs, so that a cache which CI restores is complete without Go's own.
    Raises: Unavailable when it is not there and there is no Go to fetch it with.
    """
    program = named(name)
    cache = cache or Cache.of(os.environ)
    kept = cache.share(program.name, program.version) / relative
    if kept.is_file():
        return kept
    what = f"{relative} of {name} {program.version}"
    if not allowed() or program.recipe is None:
        raise Unavailable(what, "not in the cache, and building is off (KSEAL_TEST_BUILD=0)", "unset KSEAL_TEST_BUILD")
    with cache.lock(f"{name}-files", waiting=lambda: say(f"waiting for another process to fetch {what}")):
        kept.parent.mkdir(parents=True, exist_ok=True)
        part = kept.with_name(f".{kept.name}.part")
        try:
            shutil.copyfile(gomodule.folder_of(program, program.recipe, cache, os.environ) / relative, part)
        except KitError as error:
            raise Unavailable(what, str(error), error.hint or "let Go reach its module proxy") from error
        part.rename(kept)
    return kept
