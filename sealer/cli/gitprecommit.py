"""`kseal git pre-commit`: look at what is staged, refuse what must not be committed. The work tree does not matter."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from engine.errors import KsealError
from engine.kube.documents import DEFAULT
from sealer.cli.gitchild import Blobs, Git, text_of
from sealer.sops.config import NoRuleMatches, loads
from sealer.sops.configfile import LARGEST, NAME
from sealer.sops.formats.base import by_path
from sealer.versions.inspection import Finding, inspect

if TYPE_CHECKING:
    from sealer.cli.terminal import Terminal
    from sealer.sops.config import Config
    from sealer.sops.selection import Selection

EXCLUDED = "kseal.exclude"
"""Variable of git's configuration, may be repeated: patterns of files that are not looked at."""
_MANIFESTS = (".yaml", ".yml", ".json")
_FORMATS = (*_MANIFESTS, ".env", ".ini")
_REGULAR = ("100644", "100755")


class _Staged(NamedTuple):
    path: str
    blob: str


def run(words: tuple[str, ...], terminal: "Terminal", environ: Mapping[str, str]) -> int:
    """Check the staged files, of them the named ones if any are named; 1 when one must not be committed."""
    git = Git(environ)
    top = git.asks("rev-parse", "--show-toplevel")
    if top is None:
        raise KsealError("not inside a Git work tree")
    named = {os.path.relpath(os.path.realpath(word), os.path.realpath(top)) for word in words}
    inside = Git(environ, top)
    staged = [one for one in _staged(inside) if not named or one.path in named]
    is_refused = False
    with inside.blobs() as blobs:
        configs = _Configs(inside, blobs, Path(top))
        for one in staged:
            for finding in _findings(one, blobs, configs):
                is_refused = True
                terminal.error(f"{one.path}: {finding.message}", finding.cure.replace("FILE", one.path))
    for error in configs.troubles.values():
        is_refused = True
        terminal.error(error.message, error.hint)
    if is_refused:
        terminal.hint(f"git config --add {EXCLUDED} PATTERN passes files by; git commit --no-verify skips all checks")
    return 1 if is_refused else 0


def _staged(git: Git) -> list[_Staged]:
    """Regular files that the commit adds or changes."""
    excluded = (git.asks("config", "--get-all", EXCLUDED) or "").splitlines()
    patterns = [f":(exclude,glob){pattern}" for pattern in excluded]
    options = ("--raw", "-z", "--no-abbrev", "--no-renames", "--no-ext-diff", "--ignore-submodules")
    answer = git.run("diff", "--cached", *options, "--diff-filter=AMT", "--", ".", *patterns)
    fields = text_of(answer)
    return [
        _Staged(path, words[3])
        for line, path in zip(fields[::2], fields[1::2], strict=True)
        if (words := line.split())[1] in _REGULAR
    ]


class _Configs:
    """The `.sops.yaml` of each folder, as it will be after the commit."""

    def __init__(self, git: Git, blobs: Blobs, top: Path) -> None:
        self._blobs = blobs
        self._top = top
        self._names: dict[Path, str] = {}
        for one in text_of(git.run("ls-files", "--stage", "-z", "--", f":(glob)**/{NAME}")):
            about, _, path = one.partition("\t")
            self._names[(top / path).parent] = about.split()[1]
        self._read: dict[Path, Config] = {}
        self.troubles: dict[Path, KsealError] = {}
        """What is wrong with them, once for each."""

    def rule_for(self, path: str) -> "Selection | None":
        """The selection of the rule that names a file; None where there is none, or there is trouble."""
        whole = self._top / path
        folder = next((folder for folder in whole.parents if folder in self._names), None)
        if folder is None or folder in self.troubles:
            return None
        try:
            rule = self._config(folder).rule_for(str(whole))
        except NoRuleMatches:
            return None
        except KsealError as error:
            self.troubles[folder] = error
            return None
        return rule.selection if rule and not rule.is_for_all else None

    def _config(self, folder: Path) -> "Config":
        if folder not in self._read:
            path = folder / NAME
            data = self._blobs.read(self._names[folder], LARGEST)
            if data is None:
                raise KsealError(f"{path.relative_to(self._top)}: more than {LARGEST} bytes")
            self._read[folder] = loads(data, str(path))
        return self._read[folder]


def _findings(one: _Staged, blobs: Blobs, configs: _Configs) -> list[Finding]:
    wanted = configs.rule_for(one.path)
    if wanted is None and not one.path.endswith(_FORMATS):
        return []
    data = blobs.read(one.blob, DEFAULT.bytes)
    if data is None:
        return [Finding(f"more than the {DEFAULT.bytes} bytes that are looked at", "commit it by itself, unchecked")]
    return inspect(one.path, data, by_path(one.path), wanted)
