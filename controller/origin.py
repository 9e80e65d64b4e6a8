"""Were all our packages loaded from the same installation?

`controller` and `providers` are common names. Another distribution, or a folder of that name in the working directory,
can stand before ours on the import path, and a half-replaced program would fail later and in strange places.
"""

import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from engine.errors import Stalled

PACKAGES: Final = ("engine", "providers", "sealer", "controller")


def check_origin() -> None:
    """Stop a process that mixes two installations: call it first in every entry point of the controller.

    Raises: Stalled, naming each package that lies elsewhere than this module.
    """
    require_one_origin({name: locate(name) for name in PACKAGES}, home=Path(__file__).parent.parent)


def locate(package: str) -> Path | None:
    """The folder that holds the package, found as `import` would find it; None when there is none."""
    spec = sys.modules[package].__spec__ if package in sys.modules else find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations))).resolve().parent


def require_one_origin(origins: Mapping[str, Path | None], home: Path) -> None:
    """Compare each package's folder with the one that ours lie in. Raises: Stalled."""
    home = home.resolve()
    strays = [
        f"{name} was not found" if folder is None else f"{name} comes from {folder}"
        for name, folder in origins.items()
        if folder != home
    ]
    if strays:
        raise Stalled(
            f"kseal is installed in {home}, but {', '.join(strays)}",
            "remove the other package or the folder of that name, or install kseal into an environment of its own",
        )
