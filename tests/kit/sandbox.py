"""Run a command in private namespaces of the kernel: its own network, or files that a Pod or a server would have.

Run as a script inside `unshare`, it prepares what was asked for and becomes the command. No rights are needed where
the machine lets everyone make user namespaces.
"""

import argparse
import fcntl
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

POD_ADDRESS = "10.77.0.1"
"""An address that the API server takes for a Pod's: it refuses to proxy to loopback addresses."""
ACCOUNT_FOLDER = Path("/var/run/secrets/kubernetes.io/serviceaccount")

# linux/sockios.h and linux/if.h
_SIOCSIFFLAGS, _SIOCSIFADDR, _SIOCSIFNETMASK = 0x8914, 0x8916, 0x891C
_IFF_UP, _IFF_LOOPBACK, _IFF_RUNNING = 0x1, 0x8, 0x40


def with_network(command: Sequence[str | Path]) -> list[str]:
    """The command inside a network of its own, where only 127.0.0.1 and POD_ADDRESS exist."""
    return _wrapped("-rnm", ["--network"], command)


def with_account(folder: Path, command: Sequence[str | Path]) -> list[str]:
    """The command with `folder` (token, ca.crt, namespace) shown where a Pod finds its ServiceAccount.

    It is the same folder, not a copy: a token that is renewed in it is seen by the command.
    """
    return _wrapped("-rm", [f"--account={folder}"], command)


def with_separation(passwd: Path, command: Sequence[str | Path]) -> list[str]:
    """For root: the command with `passwd` as the file of users, and with the empty folder that sshd locks itself into.
    Installing sshd would make both."""
    return _wrapped("-m", [f"--passwd={passwd}"], command)


def refusal() -> str | None:
    """Why this machine cannot do it; None when it can."""
    try:
        done = subprocess.run(["unshare", "-rnm", "true"], capture_output=True, text=True, timeout=30, check=False)
    except FileNotFoundError:
        return "there is no unshare program (Debian: util-linux)"
    return None if done.returncode == 0 else f"user namespaces are not allowed here ({done.stderr.strip()})"


def _wrapped(kinds: str, options: list[str], command: Sequence[str | Path]) -> list[str]:
    script = [sys.executable, "-I", "-S", __file__, *options, "--"]
    return ["unshare", kinds, "--", *script, *map(str, command)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", action="store_true")
    parser.add_argument("--account", type=Path)
    parser.add_argument("--passwd", type=Path)
    parser.add_argument("command", nargs="+")
    chosen = parser.parse_args()
    if chosen.network:
        _bring_up_loopback()
    if chosen.account:
        _show_account(chosen.account)
    if chosen.passwd:
        _show_users(chosen.passwd)
    os.execvp(chosen.command[0], chosen.command)  # noqa: S606 - a list, no shell: becoming the command is the point


def _bring_up_loopback() -> None:
    """As `ip link set lo up; ip address add POD_ADDRESS/32 dev lo` would, on machines without that program."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        fcntl.ioctl(handle, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", _IFF_UP | _IFF_LOOPBACK | _IFF_RUNNING))
        fcntl.ioctl(handle, _SIOCSIFADDR, _address_request(POD_ADDRESS))
        # By default the old call takes in all of 10.0.0.0/8, and with it the range of Services.
        fcntl.ioctl(handle, _SIOCSIFNETMASK, _address_request("255.255.255.255"))


def _address_request(address: str) -> bytes:
    return struct.pack("16sHH4s8x", b"lo:1", socket.AF_INET, 0, socket.inet_aton(address))


def _show_account(folder: Path) -> None:
    """Cover /run in this mount namespace (its owner may be someone else), and show the folder below it."""
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(ACCOUNT_FOLDER.parents[2].resolve())], check=True)
    ACCOUNT_FOLDER.mkdir(parents=True)
    subprocess.run(["mount", "--bind", str(folder), str(ACCOUNT_FOLDER)], check=True)


def _show_users(passwd: Path) -> None:
    """In this mount namespace alone, which `unshare` has made private."""
    subprocess.run(["mount", "--bind", str(passwd), "/etc/passwd"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
    Path("/run/sshd").mkdir(mode=0o755)


if __name__ == "__main__":
    main()
