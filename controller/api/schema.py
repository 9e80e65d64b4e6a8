"""Write `deploy/crds/` from the structs of this package: `python -m controller.api.schema --write | --check`.

The schemas are structural, as the API server asks of `apiextensions.k8s.io/v1`: every level has a type, there are no
references and no lists of types. The output depends on the structs alone: same structs, same bytes.

Source: Kubernetes documentation, CustomResourceDefinition, "Specifying a structural schema".
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec.inspect
from msgspec import Struct
from msgspec.inspect import Metadata, NoneType, StructType, Type, UnionType

from controller.api.externalartifact import EXTERNAL_ARTIFACT
from controller.api.gitrepository import GIT_REPOSITORY
from controller.api.kustomization import KUSTOMIZATION
from controller.api.receiver import RECEIVER
from controller.api.resource import CustomResource
from controller.api.sealedsecret import SEALED_SECRET
from engine.kube.yaml import write

RESOURCES: Final[tuple[CustomResource, ...]] = (
    SEALED_SECRET,
    GIT_REPOSITORY,
    KUSTOMIZATION,
    RECEIVER,
    EXTERNAL_ARTIFACT,
)
FOLDER: Final = Path(__file__).parents[2] / "deploy" / "crds"

_COMMAND: Final = "python -m controller.api.schema --write"
_HEADER: Final = f"# Generated from controller/api by `{_COMMAND}`; edit the structs there.\n"
_SCALARS: Final[dict[type[Type], dict[str, Any]]] = {
    msgspec.inspect.StrType: {"type": "string"},
    msgspec.inspect.BoolType: {"type": "boolean"},
    msgspec.inspect.IntType: {"type": "integer", "format": "int64"},
    msgspec.inspect.DateTimeType: {"type": "string", "format": "date-time"},
}
_IDENTITY: Final[dict[str, Any]] = {
    "apiVersion": {
        "type": "string",
        "description": "The group and version of the API that the object is written for.",
    },
    "kind": {"type": "string", "description": "The kind of the object."},
    "metadata": {"type": "object"},
}


def structural(model: type[Struct]) -> dict[str, Any]:
    """The OpenAPI v3 schema of a struct. Raises: TypeError for a field type that a structural schema cannot say."""
    return _schema(msgspec.inspect.type_info(model))


def definition(custom: CustomResource) -> dict[str, Any]:
    """The CustomResourceDefinition as the API server takes it."""
    resource = custom.resource
    schema = structural(custom.model)
    schema["properties"] = {**_IDENTITY, **schema["properties"]}
    names: dict[str, Any] = {
        "kind": resource.kind,
        "listKind": f"{resource.kind}List",
        "plural": resource.plural,
        "singular": custom.singular,
    }
    for part, words in (("shortNames", custom.short_names), ("categories", custom.categories)):
        if words:
            names[part] = list(words)
    metadata: dict[str, Any] = {"name": custom.name}
    if custom.annotations:
        metadata["annotations"] = dict(custom.annotations)
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": metadata,
        "spec": {
            "group": resource.group,
            "names": names,
            "scope": "Namespaced" if resource.namespaced else "Cluster",
            "versions": [
                {
                    "name": resource.version,
                    "served": True,
                    "storage": True,
                    "additionalPrinterColumns": [
                        {"name": column.name, "type": column.type, "jsonPath": column.path} for column in custom.columns
                    ],
                    "schema": {"openAPIV3Schema": schema},
                    "subresources": {"status": {}},
                }
            ],
        },
    }


def files(resources: Iterable[CustomResource] = RESOURCES) -> dict[str, str]:
    """Path below the folder -> content: one file for each definition, and in each folder a list of those in it."""
    content: dict[str, dict[str, Any]] = {}
    listed: dict[str, list[str]] = {}
    for custom in resources:
        name = f"{custom.resource.group}_{custom.resource.plural}.yaml"
        content[_below(custom.folder, name)] = definition(custom)
        listed.setdefault(custom.folder, []).append(name)
    for folder, names in listed.items():
        content[_below(folder, "kustomization.yaml")] = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": sorted(names),
        }
    return {path: _HEADER + write(value) for path, value in content.items()}


def outdated(folder: Path) -> list[str]:
    """The paths of files in the folder that are missing, different, or no longer written by anyone."""
    wanted = files()
    present = {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in folder.rglob("*.yaml")}
    return sorted(name for name in wanted.keys() | present.keys() if wanted.get(name) != present.get(name))


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files, or compare them: 0 when all are up to date, 3 when they differ."""
    parser = argparse.ArgumentParser(prog="python -m controller.api.schema", description="Custom resource definitions.")
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--write", action="store_true", help="write deploy/crds")
    mode.add_argument("--check", action="store_true", help="exit with 3 when deploy/crds is not what would be written")
    if parser.parse_args(arguments).write:
        _rewrite(FOLDER)
        return 0
    stale = outdated(FOLDER)
    for name in stale:
        sys.stderr.write(f"kseal: error: {FOLDER.parent.name}/{FOLDER.name}/{name} is not up to date\n")
    if stale:
        sys.stderr.write(f"kseal: hint: {_COMMAND}\n")
    return 3 if stale else 0


def _rewrite(folder: Path) -> None:
    """Make the folder hold exactly the generated files."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = files()
    for name in outdated(folder):
        if name in wanted:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(wanted[name], encoding="utf-8")
        else:
            (folder / name).unlink()


def _below(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _schema(kind: Type) -> dict[str, Any]:
    """One level of a schema: what the type says, and over it what `msgspec.Meta` adds."""
    match kind:
        case Metadata(type=inner, extra_json_schema=extra):
            return {**_schema(inner), **(extra or {})}
        case UnionType(types=types):
            return _nullable(types)
        case StructType():
            return _object(kind)
        case msgspec.inspect.DictType(value_type=msgspec.inspect.AnyType()):
            return {"type": "object"}
        case msgspec.inspect.DictType(value_type=value):
            return {"type": "object", "additionalProperties": _schema(value)}
        case msgspec.inspect.ListType(item_type=item):
            return {"type": "array", "items": _schema(item)}
        case _ if type(kind) in _SCALARS:
            return dict(_SCALARS[type(kind)])
        case _:
            raise TypeError(f"{kind} has no place in a structural schema")


def _nullable(types: Sequence[Type]) -> dict[str, Any]:
    """A union can only be of one type with null: structural schemas have no others."""
    present = [kind for kind in types if not isinstance(kind, NoneType)]
    if len(present) != 1 or len(present) == len(types):
        raise TypeError(f"a union of {len(present)} types has no place in a structural schema")
    return {**_schema(present[0]), "nullable": True}


def _object(kind: StructType) -> dict[str, Any]:
    """A struct as an object: its docstring describes it, fields without default are required."""
    schema: dict[str, Any] = {
        "type": "object",
        "description": " ".join((kind.cls.__doc__ or "").split()),
        "properties": {field.encode_name: _schema(field.type) for field in kind.fields},
    }
    if required := sorted(field.encode_name for field in kind.fields if field.required):
        schema["required"] = required
    return schema


if __name__ == "__main__":
    sys.exit(main())
