"""The little process that starts jailed children: single-threaded, so that it may run code between fork and exec.

Run as a script by `engine.render.jail`, with an interpreter that imports nothing of ours and holds nothing of value.
On the socket that is its standard input it gets one message per child, with descriptors: standard input, output and
error, and a socket for the answer. It forks, locks the child in, and becomes the program there. When that ends, takes
too long, or the asker closes its end, the whole process group is killed and the answer says how it ended.

Guards: own session-less process group, parent-death signal, resource limits, no_new_privs, no capabilities, Landlock
(where the kernel has it: read and run the program, read and write the folder, nothing else), and a seccomp filter that
knows no sockets, no new processes, no looking into or signalling of others, no keys, no mounts, no io_uring.
Sources: linux/landlock.h, linux/seccomp.h, linux/filter.h, landlock(7), seccomp(2).
"""

import array
import ctypes
import errno
import json
import os
import platform
import resource
import select
import signal
import socket
import stat
import struct
import sys
import time
from contextlib import suppress
from typing import Any, NamedTuple

NOTHING_LEFT = 127
_MESSAGE_BYTES = 64 * 1024
_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_SECCOMP = 22
_PR_CAPBSET_DROP = 24
_PR_SET_SECUREBITS = 28
_PR_SET_NO_NEW_PRIVS = 38
_SECURE_NOROOT_LOCKED = 0x03 | 0x0C | 0x20  # NOROOT, NO_SETUID_FIXUP, each locked; KEEP_CAPS locked off
_CAPABILITY_VERSION = 0x20080522
_SECCOMP_SET_MODE_FILTER = 2

_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000
_KILL = 0x80000000
_LOAD, _EQUAL, _SET, _RETURN, _ATLEAST = 0x20, 0x15, 0x45, 0x06, 0x35
_CLONE_THREAD = 0x00010000
_X32 = 0x40000000


class _Machine(NamedTuple):
    """Numbers of an architecture. Source: arch/x86/entry/syscalls/syscall_64.tbl; asm-generic/unistd.h."""

    arch: int
    clone: int
    kill: int
    tgkill: int
    capset: int
    seccomp: int
    denied: tuple[int, ...]
    clone3: int = 435
    landlock: tuple[int, int, int] = (444, 445, 446)
    """To create a ruleset, to add a rule, to restrict oneself."""


# Of both: pidfd_*, process_madvise and process_mrelease, io_uring, what mounts.
_DENIED_ALIKE = (434, 438, 424, 440, 448, 425, 426, 427, 428, 429, 430, 431, 432, 433, 442)
_MACHINES = {
    "x86_64": _Machine(
        arch=0xC000003E, clone=56, kill=62, tgkill=234, capset=126, seccomp=317,
        denied=(
            *_DENIED_ALIKE,
            41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 288, 299, 307,  # sockets
            57, 58, 101, 310, 311, 312,  # fork, vfork, ptrace, process_vm_readv and _writev, kcmp
            109, 112, 129, 297, 200,  # setpgid, setsid, rt_sigqueueinfo, rt_tgsigqueueinfo, tkill
            250, 248, 249, 298, 321, 323,  # keyctl, add_key, request_key, perf_event_open, bpf, userfaultfd
            155, 161, 165, 166, 272, 308, 303, 304,  # pivot_root, chroot, mount, umount2, unshare, setns, file handles
            175, 176, 313, 246, 320, 169, 167, 168, 163, 153,  # modules, kexec, reboot, swap, acct, vhangup
            134, 139, 164, 170, 171, 172, 173, 212, 227, 133, 259,  # uselib, sysfs, clocks, names, ports, mknod
        ),
    ),
    "aarch64": _Machine(
        arch=0xC00000B7, clone=220, kill=129, tgkill=131, capset=91, seccomp=277,
        denied=(
            *_DENIED_ALIKE,
            198, 199, 200, 201, 202, 203, 204, 205, 206, 207, 208, 209, 210, 211, 212, 242, 243, 269,
            117, 270, 271, 272,
            154, 157, 138, 240, 130,
            217, 218, 219, 241, 280, 282,
            41, 51, 40, 39, 97, 268, 264, 265,
            105, 106, 273, 104, 294, 142, 224, 225, 89, 58,
            170, 161, 162, 112, 33,
        ),
    ),
}  # fmt: skip

# Access rights of Landlock by the version of its interface that brought them.
_FS_EXECUTE, _FS_WRITE, _FS_READ, _FS_READ_DIR = 1, 2, 4, 8
_FS_ALL = {1: 0x1FFF, 2: 0x3FFF, 3: 0x7FFF, 4: 0x7FFF, 5: 0xFFFF}
_NET_ALL = 0x3
_SCOPE_ALL = 0x3
_O_PATH = getattr(os, "O_PATH", 0o10000000)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


class _Held(Exception):
    """A guard that was asked for cannot be had."""


def machine() -> _Machine | None:
    return _MACHINES.get(platform.machine())


def landlock_version() -> int:
    """The version of the kernel's Landlock, 0 when there is none."""
    known = machine()
    if known is None:
        return 0
    return max(0, _syscall(known.landlock[0], 0, 0, 1))


def seccomp_works() -> bool:
    """Whether the kernel takes filters: asked with a null one, which it refuses as unreadable only if it would."""
    known = machine()
    if known is None:
        return False
    ctypes.set_errno(0)
    result = _syscall(known.seccomp, _SECCOMP_SET_MODE_FILTER, 0, 0)
    return result == -1 and ctypes.get_errno() in (errno.EFAULT, errno.EACCES)


def _syscall(number: int, *arguments: int) -> int:
    return int(_libc.syscall(ctypes.c_long(number), *(ctypes.c_long(one) for one in arguments)))


def _filter(known: _Machine, own: int) -> bytes:
    """The program of the filter; `own` is the process that may signal itself."""

    def step(code: int, k: int, yes: int = 0, no: int = 0) -> bytes:
        return struct.pack("=HBBI", code, yes, no, k)

    refuse, allow = step(_RETURN, _ERRNO | errno.EPERM), step(_RETURN, _ALLOW)
    parts = [
        step(_LOAD, 4),
        step(_EQUAL, known.arch, 1, 0),
        step(_RETURN, _KILL),
        step(_LOAD, 0),
    ]
    if known.arch == 0xC000003E:
        parts += [step(_ATLEAST, _X32, 0, 1), refuse]
    # Threads, and no other children; clone3 hides its flags, so libraries are told that there is none.
    parts += [step(_EQUAL, known.clone3, 0, 1), step(_RETURN, _ERRNO | errno.ENOSYS)]
    parts += [step(_EQUAL, known.clone, 0, 4), step(_LOAD, 16), step(_SET, _CLONE_THREAD, 1, 0), refuse, allow]
    for number in (known.kill, known.tgkill):
        parts += [step(_EQUAL, number, 0, 4), step(_LOAD, 16), step(_EQUAL, own, 1, 0), refuse, allow]
    for number in known.denied:
        parts += [step(_EQUAL, number, 0, 1), refuse]
    return b"".join([*parts, allow])


def _seccomp(known: _Machine) -> None:
    code = _filter(known, os.getpid())
    buffer = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(code) // 8, ctypes.addressof(buffer))
    if _libc.prctl(_PR_SET_SECCOMP, 2, ctypes.byref(program), 0, 0):
        raise _Held("seccomp")


def _landlock(known: _Machine, version: int, run: list[str], read: list[str], write: list[str]) -> None:
    handled = _FS_ALL[min(version, 5)]
    rights = struct.pack("=QQQ", handled, _NET_ALL if version >= 4 else 0, _SCOPE_ALL if version >= 6 else 0)
    size = 8 if version < 4 else 16 if version < 6 else 24
    create, add, restrict = known.landlock
    buffer = ctypes.create_string_buffer(rights, len(rights))
    ruleset = _syscall(create, ctypes.addressof(buffer), size, 0)
    if ruleset < 0:
        raise _Held("landlock")
    for paths, access in (
        (run, _FS_EXECUTE | _FS_READ),
        (read, _FS_READ | _FS_READ_DIR),
        (write, handled & ~_FS_EXECUTE),
    ):
        for path in paths:
            descriptor = os.open(path, _O_PATH | os.O_CLOEXEC)
            allowed = (
                access
                if stat.S_ISDIR(os.fstat(descriptor).st_mode)
                else access & (_FS_EXECUTE | _FS_WRITE | _FS_READ | 0x4000 & handled)
            )
            rule = ctypes.create_string_buffer(struct.pack("=Qi", allowed, descriptor), 12)
            if _syscall(add, ruleset, 1, ctypes.addressof(rule), 0):
                raise _Held("landlock")
            os.close(descriptor)
    if _syscall(restrict, ruleset, 0):
        raise _Held("landlock")
    os.close(ruleset)


def _drop_capabilities(known: _Machine) -> None:
    """Root without its powers; nothing to do for others, and not possible for them."""
    if os.geteuid() != 0:
        return
    _libc.prctl(_PR_SET_SECUREBITS, _SECURE_NOROOT_LOCKED, 0, 0, 0)
    for number in range(64):
        if _libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0) and ctypes.get_errno() == errno.EINVAL:
            break
    header = ctypes.create_string_buffer(struct.pack("=Ii", _CAPABILITY_VERSION, 0), 8)
    nothing = ctypes.create_string_buffer(24)
    _syscall(known.capset, ctypes.addressof(header), ctypes.addressof(nothing))


def _limit(what: int, value: int) -> None:
    _, hard = resource.getrlimit(what)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(what, (value, value))


def _become(asked: dict[str, Any], descriptors: list[int], parent: int) -> None:
    """In the child: lock up, and be the program. Never returns."""
    os.setpgid(0, 0)
    _libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(NOTHING_LEFT)
    for target in (0, 1, 2):
        os.dup2(descriptors[target], target)
    os.closerange(3, 1 << 16)
    os.chdir(str(asked["folder"]))
    for what, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, asked["address_bytes"]),
        (resource.RLIMIT_DATA, asked["memory_bytes"]),
        (resource.RLIMIT_CPU, asked["cpu_seconds"]),
        (resource.RLIMIT_FSIZE, asked["file_bytes"]),
        (resource.RLIMIT_NOFILE, 256),
        (resource.RLIMIT_NPROC, 4096),
    ):
        _limit(what, int(value))
    os.umask(0o077)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    known = machine()
    guards = asked["guards"]
    if known is not None:
        _drop_capabilities(known)
    if _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise _Held("no_new_privs")
    version = landlock_version()
    if known is not None and version and "landlock" in guards:
        _landlock(known, version, asked["run"], asked["read"], asked["write"])
    if known is not None and "seccomp" in guards:
        _seccomp(known)
    os.execve(asked["argv"][0], asked["argv"], asked["environ"])  # noqa: S606  # which is what this is for


class _Child:
    def __init__(self, pid: int, answer: socket.socket, deadline: float) -> None:
        self.pid = pid
        self.answer = answer
        self.deadline = deadline
        self.handle = os.pidfd_open(pid)
        self.is_late = False
        self.is_forsaken = False

    def kill(self) -> None:
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            os.kill(self.pid, signal.SIGKILL)  # it has not made its group yet


def _start(message: bytes, descriptors: list[int]) -> _Child:
    """Start one child; the descriptors are closed here. Raises: OSError when there is no process to be had."""
    asked = json.loads(message)
    answer = socket.socket(fileno=descriptors.pop())
    answer.set_inheritable(False)
    parent = os.getpid()
    try:
        pid = os.fork()
    except OSError:
        answer.close()
        for descriptor in descriptors:
            os.close(descriptor)
        raise
    if pid == 0:
        try:
            _become(asked, descriptors, parent)
        except BaseException as error:  # noqa: BLE001  # whatever it is, this copy of the process ends here
            what = (
                error.args[0] if isinstance(error, _Held) else getattr(error, "strerror", None) or type(error).__name__
            )
            os.write(2, f"jail: {what}\n".encode())
        finally:
            os._exit(NOTHING_LEFT)
    for descriptor in descriptors:
        os.close(descriptor)
    return _Child(pid, answer, time.monotonic() + float(asked["seconds"]))


def _ended(child: _Child) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)  # before it is waited for: until then its number is nobody else's
    _, status, used = os.wait4(child.pid, 0)
    os.close(child.handle)
    said = {
        "code": os.waitstatus_to_exitcode(status),
        "is_late": child.is_late,
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "peak_kib": used.ru_maxrss,
    }
    with suppress(OSError):  # when nobody asks any more
        child.answer.sendall(json.dumps(said).encode())
    child.answer.close()


class _Server:
    """Starts what is asked for until the asker is gone; then nobody stays behind."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.children: dict[int, _Child] = {}
        self.poll = select.poll()
        self.poll.register(control, select.POLLIN)

    def serve(self) -> None:
        try:
            while self.turn():
                self.kill_late()
        finally:
            for child in self.children.values():
                child.kill()
                os.waitpid(child.pid, 0)

    def turn(self) -> bool:
        """Wait for something and see to it; whether there is still somebody who asks."""
        now = time.monotonic()
        waits = [child.deadline - now for child in self.children.values() if not child.is_late]
        for number, _ in self.poll.poll(max(0, min(waits) * 1000 + 1) if waits else None):
            if number == self.control.fileno():
                if not self.receive():
                    return False
            elif number in self.children:
                child = self.children.pop(number)
                self.poll.unregister(child.handle)
                if not child.is_forsaken:
                    self.poll.unregister(child.answer)
                _ended(child)
            else:
                self.forsake(number)
        return True

    def receive(self) -> bool:
        space = socket.CMSG_SPACE(4 * 4)
        message, passed, _, _ = self.control.recvmsg(_MESSAGE_BYTES, space, socket.MSG_CMSG_CLOEXEC)
        if not message:
            return False
        descriptors = array.array("i")
        for _, _, data in passed:
            descriptors.frombytes(data)
        try:
            child = _start(message, list(descriptors))
        except OSError:  # no process to be had; the asker sees that nobody answers
            return True
        self.children[child.handle] = child
        self.poll.register(child.handle, select.POLLIN)
        self.poll.register(child.answer, select.POLLIN)
        return True

    def forsake(self, number: int) -> None:
        """The asker of a child lost interest in it."""
        for child in self.children.values():
            if child.answer.fileno() == number:
                self.poll.unregister(child.answer)
                child.is_forsaken = True
                child.kill()

    def kill_late(self) -> None:
        now = time.monotonic()
        for child in self.children.values():
            if not child.is_late and child.deadline <= now:
                child.is_late = True
                child.kill()


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    with socket.socket(fileno=os.dup(0)) as control:
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        _Server(control).serve()


if __name__ == "__main__":
    if sys.argv[1:] == ["held"]:
        print(json.dumps({"landlock": landlock_version() > 0, "seccomp": seccomp_works()}))  # noqa: T201
    else:
        main()
