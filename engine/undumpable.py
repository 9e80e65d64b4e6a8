"""A process that holds private keys leaves none of its memory behind when it crashes, and shows none while it runs."""

import resource
import sys

_PR_SET_DUMPABLE = 4  # linux/prctl.h


def protect() -> None:
    """No core file of this process from now on, and no other process of the same user may look into its memory.

    A limit of 0 stops core files, but not the kernel's pipe to a crash collector (core(5)); PR_SET_DUMPABLE stops both,
    and besides gives /proc/PID/mem to root. Programs that this process starts keep the limit and lose the flag.
    Costs 2 ms, for ctypes; where the system has no such flag, as on macOS, the limit has to do.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
