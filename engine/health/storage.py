"""Rules of storage: PersistentVolumeClaim. Source: fluxcd/cli-utils pkg/kstatus/status/core.go."""

from engine.health.fields import Object, string
from engine.health.verdict import Health, Verdict


def volume_claim(obj: Object) -> Verdict:
    phase = string(obj, "status", "phase", default="unknown")
    if phase != "Bound":
        return Verdict(Health.IN_PROGRESS, f"PVC is not Bound. phase: {phase}")
    return Verdict(Health.CURRENT, "PVC is Bound")
