"""What was measured with what: counts and versions, nothing that names the machine or its owner."""

import os
import platform
from importlib.metadata import version

from cryptography.hazmat.backends.openssl import backend

from engine.version import VERSION
from tests.kit.table import FLUX, KUBERNETES, SEALED_SECRETS, named


def described() -> str:
    """One line."""
    return ", ".join(
        (
            f"{len(os.sched_getaffinity(0))} cores ({platform.machine()})",
            f"{_memory_gib():.0f} GiB of memory",
            f"Linux {platform.release().partition('-')[0]}",
            f"Python {platform.python_version()}",
            f"cryptography {version('cryptography')} with {' '.join(backend.openssl_version_text().split()[:2])}",
            f"kseal {VERSION}",
            f"Kubernetes and kubectl {KUBERNETES}",
            f"sealed-secrets {SEALED_SECRETS}",
            f"sops {named('sops').version}",
            f"Flux {FLUX}",
        )
    )


def _memory_gib() -> float:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
