"""A kustomization file as Go reads it into its struct: which fields there are, and what each becomes.

Reading is lenient where Flux reads (unknown fields are dropped, numbers and booleans become text where text is meant)
and where it is not, the real program says what is wrong. Names match without regard to case, as encoding/json has it.
Source: kubernetes-sigs/kustomize api/types; sigs.k8s.io/yaml, convertToJSONableObject.
"""

from collections.abc import Mapping
from typing import Any, Final

from engine.kube.go_numbers import yaml_text


class FieldError(ValueError):
    """A field is of another type than its own. The text begins with its path."""


class Text:
    """A string."""

    def read(self, value: Any, path: str) -> Any:
        if value is None:
            return ""
        if isinstance(value, str):
            return value
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int):
            return str(value)
        if isinstance(value, float):
            return yaml_text(value)
        raise FieldError(f"{path} must be a string")


class Flag:
    """A boolean."""

    def read(self, value: Any, path: str) -> Any:
        if value is None:
            return False
        if not isinstance(value, bool):
            raise FieldError(f"{path} must be true or false")
        return value


class Number:
    """An integer."""

    def read(self, value: Any, path: str) -> Any:
        if value is None:
            return 0
        if isinstance(value, bool) or not isinstance(value, int):
            raise FieldError(f"{path} must be an integer")
        return value


class Anything:
    """Whatever it is: values of a chart, say."""

    def read(self, value: Any, path: str) -> Any:  # noqa: ARG002
        return value


class Many:
    """A list."""

    def __init__(self, item: "Kind") -> None:
        self.item = item

    def read(self, value: Any, path: str) -> Any:
        if value is None:
            return []
        if not isinstance(value, list):
            raise FieldError(f"{path} must be a list")
        return [self.item.read(one, f"{path}[{index}]") for index, one in enumerate(value)]


class Named:
    """A mapping whose keys are free."""

    def __init__(self, item: "Kind") -> None:
        self.item = item

    def read(self, value: Any, path: str) -> Any:
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            raise FieldError(f"{path} must be a mapping")
        return {key: self.item.read(one, f"{path}.{key}") for key, one in value.items()}


class Struct:
    """A mapping of known fields. Zero values are left out, but for those in `kept` and structs that are there."""

    def __init__(self, fields: Mapping[str, "Kind"], kept: tuple[str, ...] = ()) -> None:
        self.fields = fields
        self.kept = kept
        self.folded = {name.lower(): name for name in fields}

    def read(self, value: Any, path: str) -> Any:
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise FieldError(f"{path or 'the file'} must be a mapping")
        result: dict[str, Any] = {}
        for key in sorted(value):
            name = key if key in self.fields else self.folded.get(key.lower())
            if name is None:
                continue
            kind = self.fields[name]
            read = kind.read(value[key], f"{path}.{name}" if path else name)
            if read or name in self.kept or (isinstance(kind, Struct) and read is not None):
                result[name] = read
            else:
                result.pop(name, None)
        return result


Kind = Text | Flag | Number | Anything | Many | Named | Struct

_TEXT: Final = Text()
_FLAG: Final = Flag()
_TEXTS: Final = Many(_TEXT)
_PAIRS: Final = Named(_TEXT)
_GVK: Final = {"group": _TEXT, "version": _TEXT, "kind": _TEXT}
_ID: Final = {**_GVK, "name": _TEXT, "namespace": _TEXT}
_SELECTOR: Final = Struct({**_ID, "annotationSelector": _TEXT, "labelSelector": _TEXT})
_FIELD_SPEC: Final = Struct({**_GVK, "path": _TEXT, "create": _FLAG})
_FIELD_OPTIONS: Final = Struct({"delimiter": _TEXT, "index": Number(), "encoding": _TEXT, "create": _FLAG})
_PATCH: Final = Struct(
    {
        "path": _TEXT,
        "patch": _TEXT,
        "target": _SELECTOR,
        "options": Struct({"allowNameChange": _FLAG, "allowKindChange": _FLAG}),
    }
)
_IMAGE: Final = Struct({"name": _TEXT, "newName": _TEXT, "tagSuffix": _TEXT, "newTag": _TEXT, "digest": _TEXT})
_GENERATOR_OPTIONS: Final = Struct(
    {"labels": _PAIRS, "annotations": _PAIRS, "disableNameSuffixHash": _FLAG, "immutable": _FLAG}
)
_GENERATOR: Final[dict[str, Kind]] = {
    "namespace": _TEXT,
    "name": _TEXT,
    "behavior": _TEXT,
    "literals": _TEXTS,
    "files": _TEXTS,
    "envs": _TEXTS,
    "env": _TEXT,
    "options": _GENERATOR_OPTIONS,
}
_HELM_CHART: Final = Struct(
    {
        **dict.fromkeys(
            ("name", "version", "repo", "releaseName", "namespace", "valuesFile", "valuesMerge", "kubeVersion"), _TEXT
        ),
        "nameTemplate": _TEXT,
        "additionalValuesFiles": _TEXTS,
        "apiVersions": _TEXTS,
        "valuesInline": Named(Anything()),
        **dict.fromkeys(("includeCRDs", "skipHooks", "skipTests", "debug", "devel"), _FLAG),
    }
)

KUSTOMIZATION: Final = Struct(
    {
        "apiVersion": _TEXT,
        "kind": _TEXT,
        "metadata": Struct({"name": _TEXT, "namespace": _TEXT, "labels": _PAIRS, "annotations": _PAIRS}),
        "openapi": _PAIRS,
        "namePrefix": _TEXT,
        "nameSuffix": _TEXT,
        "namespace": _TEXT,
        "commonLabels": _PAIRS,
        "labels": Many(
            Struct(
                {
                    "pairs": _PAIRS,
                    "includeSelectors": _FLAG,
                    "includeTemplates": _FLAG,
                    "fields": Many(_FIELD_SPEC),
                }
            )
        ),
        "commonAnnotations": _PAIRS,
        "patchesStrategicMerge": _TEXTS,
        "patchesJson6902": Many(_PATCH),
        "patches": Many(_PATCH),
        "images": Many(_IMAGE),
        "imageTags": Many(_IMAGE),
        "replacements": Many(
            Struct(
                {
                    "path": _TEXT,
                    "source": Struct({**_ID, "fieldPath": _TEXT, "options": _FIELD_OPTIONS}),
                    "sourceValue": Anything(),
                    "targets": Many(
                        Struct(
                            {
                                "select": _SELECTOR,
                                "reject": Many(_SELECTOR),
                                "fieldPaths": _TEXTS,
                                "options": _FIELD_OPTIONS,
                            }
                        )
                    ),
                }
            )
        ),
        "replicas": Many(Struct({"name": _TEXT, "count": Number()}, kept=("count",))),
        "vars": Many(
            Struct(
                {
                    "name": _TEXT,
                    "objref": Struct({**_ID, "apiVersion": _TEXT}),
                    "fieldref": Struct({"fieldPath": _TEXT}),
                }
            )
        ),
        "sortOptions": Struct(
            {"order": _TEXT, "legacySortOptions": Struct({"orderFirst": _TEXTS, "orderLast": _TEXTS})}
        ),
        "resources": _TEXTS,
        "components": _TEXTS,
        "crds": _TEXTS,
        "bases": _TEXTS,
        "configMapGenerator": Many(Struct(_GENERATOR)),
        "secretGenerator": Many(Struct({**_GENERATOR, "type": _TEXT})),
        "helmGlobals": Struct({"chartHome": _TEXT, "configHome": _TEXT}),
        "helmCharts": Many(_HELM_CHART),
        "helmChartInflationGenerator": Many(Anything()),
        "generatorOptions": _GENERATOR_OPTIONS,
        "configurations": _TEXTS,
        "generators": _TEXTS,
        "transformers": _TEXTS,
        "validators": _TEXTS,
        "buildMetadata": _TEXTS,
    }
)


def is_strict(value: Any, kind: Kind = KUSTOMIZATION) -> bool:
    """Whether kustomize's own reader, which knows neither other fields nor other types, takes a value as it is."""
    if isinstance(kind, Text):
        return isinstance(value, str)
    if isinstance(kind, Flag):
        return isinstance(value, bool)
    if isinstance(kind, Number):
        return isinstance(value, int) and not isinstance(value, bool)
    if isinstance(kind, Many):
        return isinstance(value, list) and all(is_strict(one, kind.item) for one in value)
    if isinstance(kind, Named):
        return isinstance(value, dict) and all(is_strict(one, kind.item) for one in value.values())
    if isinstance(kind, Struct):
        return isinstance(value, dict) and all(
            key in kind.fields and is_strict(one, kind.fields[key]) for key, one in value.items()
        )
    return True
