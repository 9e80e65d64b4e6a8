"""Where built programs and short-lived folders are kept: one folder under the user's cache.

    ROOT/bin/NAME-VERSION-linux-amd64   programs, one file each; in place only when complete (rename)
    ROOT/share/NAME-VERSION/...         data files that a program's own module brings (node stages, CRDs)
    ROOT/go-VERSION/                    the Go toolchain, where the machine has none
    ROOT/locks/NAME                     lock files, empty, never removed (removing one would let two holders in)
    ROOT/run/NAME-XXXXXXXX/             folders of running servers and builds; the keeper process removes them

`run` lies here and not in the system's temporary folder because that is often memory, and one etcd takes 120 MB.
"""

import fcntl
import os
import platform
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.kit.errors import Misconfigured

_GO_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True, slots=True)
class Cache:
    """The folder tree above. Every folder is made when it is first asked for."""

    root: Path

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "Cache":
        """The user's cache: `$XDG_CACHE_HOME/kseal`, else `~/.cache/kseal`."""
        base = environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
        return cls(Path(base) / "kseal")

    def binary(self, name: str, version: str) -> Path:
        """The place of one built program, whether or not it is there yet."""
        return self._folder("bin") / f"{name}-{version}-{go_platform()}"

    def share(self, name: str, version: str) -> Path:
        """The folder for data files that came with one program."""
        return self._folder("share") / f"{name}-{version}"

    def runs(self) -> Path:
        """The folder in which short-lived folders are made."""
        return self._folder("run")

    @contextmanager
    def lock(self, name: str, *, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Hold the lock called `name` against every process and thread that shares this cache.

        `waiting` is called once when someone else holds it. The kernel drops the lock when its holder dies, so a
        killed build never blocks the next one.
        """
        descriptor = os.open(self._folder("locks") / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waiting()
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _folder(self, name: str) -> Path:
        folder = self.root / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Misconfigured(
                f'the cache folder "{folder}" cannot be made: {error.strerror}',
                "set XDG_CACHE_HOME to a folder that you may write to",
            ) from error
        return folder


def go_platform() -> str:
    """This machine as Go names it, for instance `linux-amd64`."""
    machine = platform.machine()
    return f"{platform.system().lower()}-{_GO_ARCHITECTURES.get(machine, machine)}"
