"""Whether a live object and the same one after an apply differ in anything that matters."""

from typing import Any

import orjson

from engine.ownership import metadata_of

Object = dict[str, Any]


def is_different(live: Object, merged: Object) -> bool:
    """Compare labels, annotations and all that is neither metadata nor status, as Flux does.

    Source: fluxcd/pkg ssa/manager_diff.go, hasDrifted.
    """
    return _matter(live) != _matter(merged)


def _matter(obj: Object) -> bytes:
    """What counts, as text: keys in order, numbers as the server wrote them."""
    kept = {name: value for name, value in obj.items() if name not in ("metadata", "status")}
    if obj.get("kind") == "HorizontalPodAutoscaler":
        kept = _with_single_metrics(kept)
    marks = [metadata_of(obj, "labels"), metadata_of(obj, "annotations")]
    return orjson.dumps([kept, marks], option=orjson.OPT_SORT_KEYS)


def _with_single_metrics(kept: Object) -> Object:
    """Each metric once, and none that is empty: servers before 1.27 double one in a dry-run (kubernetes#118293).

    Source: fluxcd/pkg ssa/normalize/normalize.go, DryRunUnstructured.
    """
    spec = kept.get("spec")
    metrics = spec.get("metrics") if isinstance(spec, dict) else None
    if not isinstance(spec, dict) or not isinstance(metrics, list):
        return kept
    single: list[Any] = []
    for metric in metrics:
        if isinstance(metric, dict) and metric.get("type") and metric not in single:
            single.append(metric)
    return {**kept, "spec": {**spec, "metrics": single}}
