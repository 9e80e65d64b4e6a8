"""What importing parts of the client pulls in: sealing offline and plain kubeconfigs must stay light."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

NETWORK = {"ssl", "http.client", "socket", "asyncio"}
HEAVY = {"kubernetes", "requests", "urllib3", "yaml", "importlib.metadata", "dataclasses", "orjson"}


def imported_by(code: str) -> set[str]:
    """The modules that are loaded after this code ran in a fresh interpreter."""
    script = f"import sys\n{code}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    return set(done.stdout.split())


@pytest.mark.parametrize("module", ["errors", "refs", "status"])
def test_what_sealing_offline_needs_pulls_no_network(module: str) -> None:
    assert not imported_by(f"import engine.kube.{module}") & (NETWORK | HEAVY)


def test_the_client_of_a_pod_pulls_no_official_client_and_no_yaml() -> None:
    modules = imported_by("import engine.kube.client, engine.kube.watch, engine.kube.discovery, engine.kube.config")
    assert not modules & {"kubernetes", "requests", "urllib3", "yaml", "importlib.metadata"}


def test_a_plain_kubeconfig_pulls_no_official_client(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(
        json.dumps(
            {
                "clusters": [{"name": "c", "cluster": {"server": "https://c"}}],
                "users": [{"name": "u", "user": {"token": "t"}}],
                "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
                "current-context": "x",
            }
        )
    )
    code = f"from engine.kube.config import load; load(kubeconfig={str(file)!r}, environ={{}}).headers()"
    assert not imported_by(code) & {"kubernetes", "requests", "urllib3"}
