"""A Service whose traffic the API server's proxy brings to a process on this machine.

Works only inside a network of its own (tests marked `netns`): the API server refuses endpoints on loopback.
"""

from tests.kit.apicalls import ApiCalls
from tests.kit.process import wait_until
from tests.kit.sandbox import POD_ADDRESS


def expose(api: ApiCalls, namespace: str, service: str, port: int = 8080) -> str:
    """Make POD_ADDRESS:port reachable as a Service without selector. Returns the path of its proxy.

    The API server's proxy wants an Endpoints object (a slice alone will not do) whose address names a Pod, and
    believes it only when that Pod's status carries the same address. The Pod is never run: its node does not exist.
    """
    core = f"/api/v1/namespaces/{namespace}"
    container = {"name": "stand-in", "image": "none"}
    pod = {"metadata": {"name": service}, "spec": {"nodeName": "none", "containers": [container]}}
    api.text("POST", f"{core}/pods", pod)
    status = {"status": {"phase": "Running", "podIP": POD_ADDRESS, "podIPs": [{"ip": POD_ADDRESS}]}}
    merge = "application/merge-patch+json"
    api.text("PATCH", f"{core}/pods/{service}/status", status, content_type=merge)
    api.ensure(f"{core}/services", {"metadata": {"name": service}, "spec": {"ports": [{"port": port}]}})
    address = {"ip": POD_ADDRESS, "targetRef": {"kind": "Pod", "namespace": namespace, "name": service}}
    endpoints = {
        "metadata": {"name": service},
        "subsets": [{"addresses": [address], "ports": [{"port": port}]}],
    }
    api.text("POST", f"{core}/endpoints", endpoints)
    return f"{core}/services/http:{service}:/proxy"


def wait_reachable(api: ApiCalls, proxy_path: str, path: str) -> None:
    """Wait until the process behind the Service answers `path`."""
    wait_until(lambda: api.answers(f"{proxy_path}{path}"), f"{proxy_path}{path} answers")
