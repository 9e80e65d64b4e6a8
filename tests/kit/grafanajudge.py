"""Grafana as a judge: its own generated models (grafana-foundation-sdk) read a dashboard, strictly.

The models alone pass over what they do not know and take any type. So what they read is written again and compared, and
each value is held against the type that its model declares: together as strict as Grafana's schema.
"""

import enum
import json
import types
from collections.abc import Iterator
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.cog.runtime import Runtime, UnknownDataquery
from grafana_foundation_sdk.models.dashboard import Dashboard


def problems(board: dict[str, Any]) -> list[str]:
    """What Grafana's models find wrong with a dashboard, each with its path."""
    register_default_plugins()
    try:
        read = Dashboard.from_json(board)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        return [f"cannot be read: {type(error).__name__}: {error}"]
    written = json.loads(json.dumps(read, cls=JSONEncoder))
    return [*_lost(board, written, "$"), *_wrong(read, Any, "$"), *_unknown_panels(board)]


def _lost(asked: Any, written: Any, at: str) -> Iterator[str]:
    """What did not come back as it was. That defaults were added is no loss."""
    if isinstance(asked, dict) and isinstance(written, dict):
        for name, value in asked.items():
            if name in written:
                yield from _lost(value, written[name], f"{at}.{name}")
            else:
                yield f"{at}.{name} is not known"
    elif isinstance(asked, list) and isinstance(written, list) and len(asked) == len(written):
        for number, (one, other) in enumerate(zip(asked, written, strict=True)):
            yield from _lost(one, other, f"{at}[{number}]")
    elif asked != written:
        yield f"{at} is read as something else"


def _wrong(value: Any, declared: Any, at: str) -> Iterator[str]:
    """Where a value, or what is in it, is not of the declared type."""
    if not _is_of(value, declared):
        yield f"{at} is a {type(value).__name__}"
    elif isinstance(value, UnknownDataquery):
        yield f"{at} asks a data source of unknown kind"
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _wrong(one, Any, f"{at}[{number}]")
    elif hasattr(value, "to_json"):
        for name, kind in get_type_hints(type(value)).items():
            yield from _wrong(getattr(value, name), kind, f"{at}.{name}")


def _is_of(value: Any, declared: Any) -> bool:
    origin, parameters = get_origin(declared), get_args(declared)
    if origin in (Union, types.UnionType):
        return any(_is_of(value, one) for one in parameters)
    if origin is list:
        return isinstance(value, list) and all(_is_of(one, parameters[0]) for one in value)
    if origin is dict:
        return isinstance(value, dict) and all(_is_of(one, parameters[1]) for one in value.values())
    if declared in (Any, object):
        return True
    if origin is Literal:
        return value in parameters
    if issubclass(declared, enum.Enum):
        return value in {one.value for one in declared}  # the models leave what they read as it was
    if isinstance(value, bool):
        return declared is bool
    return isinstance(value, (int, float) if declared is float else declared)


def _unknown_panels(board: dict[str, Any]) -> Iterator[str]:
    known = Runtime().panelcfg_variants
    for panel in board.get("panels") or []:
        if panel["type"] not in known and panel["type"] != "row":
            yield f'panel {panel.get("id")}: no panel is called "{panel["type"]}"'
