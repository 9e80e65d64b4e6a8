"""Rules of the network: Service. Source: fluxcd/cli-utils pkg/kstatus/status/core.go."""

from engine.health.fields import Object, string
from engine.health.verdict import Health, Verdict


def service(obj: Object) -> Verdict:
    """A load balancer's address inside the cluster is enough; the one outside may come at any time."""
    if string(obj, "spec", "type") == "LoadBalancer" and not string(obj, "spec", "clusterIP"):
        return Verdict(Health.IN_PROGRESS, "ClusterIP not set. Service type: LoadBalancer")
    return Verdict(Health.CURRENT, "Service is ready")
