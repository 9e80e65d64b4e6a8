"""The C parser of PyYAML without the rest of PyYAML, which nobody needs who builds his own values.

`import yaml` takes 12 ms, nearly all of it for resolver tables and constructors; the C module asks the package only
for the classes of errors, tokens, events and nodes. So the package enters `sys.modules` unexecuted, with those four
modules loaded, and executes itself, in place, as soon as anyone asks it for more. Figures and what was tried:
docs/decisions/0002-yaml-start-up.md.
"""

import importlib
import importlib.util
import sys
from _thread import RLock  # without the rest of threading, which costs half a millisecond
from collections.abc import Callable
from types import ModuleType, SimpleNamespace

from engine.errors import KsealError

__all__ = [
    "AliasEvent",
    "AliasToken",
    "AnchorToken",
    "BlockEndToken",
    "BlockEntryToken",
    "BlockMappingStartToken",
    "BlockSequenceStartToken",
    "CParser",
    "DirectiveToken",
    "DocumentEndToken",
    "DocumentStartToken",
    "FlowEntryToken",
    "FlowMappingEndToken",
    "FlowMappingStartToken",
    "FlowSequenceEndToken",
    "FlowSequenceStartToken",
    "KeyToken",
    "MappingEndEvent",
    "MappingStartEvent",
    "MarkedYAMLError",
    "ScalarEvent",
    "ScalarToken",
    "SequenceEndEvent",
    "SequenceStartEvent",
    "StreamEndEvent",
    "StreamEndToken",
    "StreamStartToken",
    "TagToken",
    "ValueToken",
    "YAMLError",
]

_READY = ("error", "tokens", "events", "nodes")
# Classes that the C module takes from modules which are slow to import. It only ever calls them, to raise what they
# return, so functions that import them at that moment do as well.
_LATE = {
    "reader": "ReaderError",
    "scanner": "ScannerError",
    "parser": "ParserError",
    "composer": "ComposerError",
    "constructor": "ConstructorError",
    "emitter": "EmitterError",
    "serializer": "SerializerError",
    "representer": "RepresenterError",
}
_lock = RLock()


class _Waiting(ModuleType):
    """The package `yaml` before its `__init__` ran. The first attribute that is missing makes it run."""

    _is_running = False

    def __getattr__(self, name: str) -> object:
        # Other threads wait here until the package is whole; it itself may ask for what it does not have yet.
        with _lock:
            if type(self) is _Waiting and not _Waiting._is_running and self.__spec__ and self.__spec__.loader:
                _Waiting._is_running = True
                try:
                    self.__spec__.loader.exec_module(self)
                finally:
                    _Waiting._is_running = False
                object.__setattr__(self, "__class__", ModuleType)
        return ModuleType.__getattribute__(self, name)


def _enter() -> None:
    """Put the unexecuted package into `sys.modules`, together with the C module. Raises: ImportError."""
    spec = importlib.util.find_spec("yaml")
    if spec is None:
        raise ImportError("no PyYAML")
    package = importlib.util.module_from_spec(spec)
    sys.modules["yaml"] = package
    try:
        for name in _READY:
            importlib.import_module(f"yaml.{name}")
        for name, error in _LATE.items():
            setattr(package, name, SimpleNamespace(**{error: _late(name, error)}))
        importlib.import_module("yaml._yaml")
    except BaseException:
        del sys.modules["yaml"]
        raise
    for name in _LATE:
        delattr(package, name)
    package.__class__ = _Waiting


def _late(module: str, name: str) -> Callable[..., Exception]:
    def make(*args: object) -> Exception:
        error: Exception = getattr(importlib.import_module(f"yaml.{module}"), name)(*args)
        return error

    return make


try:
    if "yaml" not in sys.modules:
        _enter()
    from yaml._yaml import CParser
    from yaml.error import MarkedYAMLError, YAMLError
    from yaml.events import (
        AliasEvent,
        MappingEndEvent,
        MappingStartEvent,
        ScalarEvent,
        SequenceEndEvent,
        SequenceStartEvent,
        StreamEndEvent,
    )
    from yaml.tokens import (
        AliasToken,
        AnchorToken,
        BlockEndToken,
        BlockEntryToken,
        BlockMappingStartToken,
        BlockSequenceStartToken,
        DirectiveToken,
        DocumentEndToken,
        DocumentStartToken,
        FlowEntryToken,
        FlowMappingEndToken,
        FlowMappingStartToken,
        FlowSequenceEndToken,
        FlowSequenceStartToken,
        KeyToken,
        ScalarToken,
        StreamEndToken,
        StreamStartToken,
        TagToken,
        ValueToken,
    )
except ImportError as error:
    raise KsealError(
        "the libyaml part of PyYAML is missing", "install PyYAML from a wheel, or where libyaml's headers are"
    ) from error
