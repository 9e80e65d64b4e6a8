"""Pretended nodes: kwok makes Pods on them run, finish and go away, without a kubelet or a container."""

from pathlib import Path
from typing import Any

from tests.kit import programs
from tests.kit.apicalls import ApiCalls
from tests.kit.process import Nest, wait_until
from tests.kit.share import upstream_file

# kwok refuses to start without stages; these are its own quick ones.
_STAGES = (
    "node/fast/node-initialize.yaml",
    "node/heartbeat-with-lease/node-heartbeat-with-lease.yaml",
    "pod/fast/pod-ready.yaml",
    "pod/fast/pod-complete.yaml",
    "pod/fast/pod-delete.yaml",
)


def start(nest: Nest, kubeconfig: Path) -> None:
    """Run kwok in a control plane's nest. It takes care of every node that there is or will be."""
    stages = nest.folder / "stages.yaml"
    texts = [upstream_file("kwok", f"kustomize/stage/{stage}").read_text() for stage in _STAGES]
    stages.write_text("\n---\n".join(texts))
    nest.start(
        "kwok",
        [programs.find("kwok"), f"--kubeconfig={kubeconfig}", "--manage-all-nodes=true", f"--config={stages}"],
    )


def add_node(api: ApiCalls, name: str) -> None:
    """Have a roomy node of this name, and wait until it is ready."""
    room = {"cpu": "64", "memory": "256Gi", "pods": "1000"}
    node = {"metadata": {"name": name, "labels": {"type": "kwok"}}, "status": {"allocatable": room, "capacity": room}}
    api.ensure("/api/v1/nodes", node)
    wait_until(lambda: _is_ready(api.json("GET", f"/api/v1/nodes/{name}")), f"node {name} is ready")


def _is_ready(node: dict[str, Any]) -> bool:
    conditions = node["status"].get("conditions", [])
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
