"""Become a Pod's container: a read-only root with the declared empty folders, its user, and no way to more rights.

Run by pod.py as a script, in a mount namespace of its own, with a plan as JSON: `command`, `env`, `uid`, `gid`,
`empty_folders` (mount point -> size) and `kept` (paths that stay visible below those).

Source: what nodes do for readOnlyRootFilesystem, emptyDir, runAsUser and allowPrivilegeEscalation: false. The seccomp
profile is part of a container runtime and not imitated.
"""

import ctypes
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

# linux/mount.h
_READ_ONLY, _NO_SUID, _NO_DEVICES, _REMOUNT, _BIND, _RECURSIVE = 1, 2, 4, 32, 4096, 16384
_DETACH = 2
_RESTRICTIONS = {"nosuid": 2, "nodev": 4, "noexec": 8, "noatime": 1024, "nodiratime": 2048, "relatime": 1 << 21}
_libc = ctypes.CDLL(None, use_errno=True)


def mount(source: str, target: Path, kind: str, flags: int, options: str = "") -> None:
    """mount(2). Raises: OSError."""
    if _libc.mount(source.encode(), str(target).encode(), kind.encode(), ctypes.c_ulong(flags), options.encode()):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(target))


def add_mount_points(missing: list[Path], kept: list[Path]) -> None:
    """Have these folders, as a runtime makes them in the image: a new root shows the old one beside them.

    Only the mount namespace gets them, nothing of the machine is written to. Raises: OSError, CalledProcessError.
    """
    places = [path for path in map(Path, ("/mnt", "/media", "/srv")) if path.is_dir()]
    root = next(place for place in places if not any(path.is_relative_to(place) for path in kept))
    entries = [(path, path.readlink() if path.is_symlink() else None) for path in Path("/").iterdir() if path != root]
    mount("tmpfs", root, "tmpfs", _NO_SUID | _NO_DEVICES, "mode=755")
    for path, target in entries:
        shown = root / path.name
        if target is not None:
            shown.symlink_to(target)
            continue
        if path.is_dir():
            shown.mkdir()
        else:
            shown.touch()
        mount(str(path), shown, "", _BIND | _RECURSIVE)
    for point in missing:
        (root / point.relative_to("/")).mkdir(parents=True)
    # Not chroot(2): who is locked up by it may make no user namespace. pivot_root(8) with one place for both roots.
    subprocess.run(["pivot_root", ".", "."], cwd=root, check=True)
    if _libc.umount2(b"/", _DETACH):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), "the old root")
    os.chdir("/")


def make_root_read_only() -> None:
    """Remount all but /proc, which runtimes leave writable too. Raises: OSError when something stays writable.

    A mount that came from outside the user namespace may not lose its other restrictions, so each keeps its own.
    """
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split()
        point = Path(fields[4].encode().decode("unicode_escape"))
        if point.is_relative_to("/proc") or not point.exists():
            continue  # not there: a later mount lies over it
        kept = sum(_RESTRICTIONS.get(option, 0) for option in fields[5].split(","))
        mount("", point, "", _READ_ONLY | _REMOUNT | _BIND | kept)


def add_empty_folder(point: Path, size: str, kept: list[Path]) -> None:
    """Lay an empty writable folder over the root. What the program itself needs below it stays visible, read-only."""
    hidden = [(path, os.open(path, os.O_PATH)) for path in kept if path.is_relative_to(point)]
    mount("tmpfs", point, "tmpfs", _NO_SUID | _NO_DEVICES, f"size={size},mode=1777")
    for path, descriptor in hidden:
        path.mkdir(parents=True, exist_ok=True)
        mount(f"/proc/self/fd/{descriptor}", path, "", _BIND | _RECURSIVE)
        os.close(descriptor)


def become(plan: dict[str, Any]) -> NoReturn:
    """Replace this process by the container's command. A change of user by a new user namespace needs no rights."""
    user = ["unshare", "--user", f"--map-user={plan['uid']}", f"--map-group={plan['gid']}"]
    os.chdir("/")
    os.execvpe(user[0], [*user, "setpriv", "--no-new-privs", "--", *plan["command"]], plan["env"])  # noqa: S606 - no shell


def main() -> None:
    plan = json.loads(sys.argv[1])
    kept = [Path(path) for path in plan["kept"]]
    missing = [point for point in map(Path, plan["empty_folders"]) if not point.exists()]
    if missing:
        add_mount_points(missing, kept)
    make_root_read_only()
    for point, size in plan["empty_folders"].items():
        add_empty_folder(Path(point), size, kept)
    become(plan)


if __name__ == "__main__":
    main()
