"""Label selectors as objects carry them. Source: apimachinery pkg/apis/meta/v1/helpers.go, LabelSelectorAsSelector."""

from collections.abc import Mapping
from typing import Any


def selects(selector: Mapping[str, Any], labels: Mapping[str, Any]) -> bool:
    """Whether a selector selects by all its parts; an empty one selects everything, and an unknown operator nothing."""
    wanted = selector.get("matchLabels") or {}
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(_holds(part, labels) for part in selector.get("matchExpressions") or ())


def _holds(part: Mapping[str, Any], labels: Mapping[str, Any]) -> bool:
    key, values = str(part.get("key")), part.get("values") or ()
    match part.get("operator"):
        case "In":
            return key in labels and labels[key] in values
        case "NotIn":
            return key not in labels or labels[key] not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case _:
            return False
