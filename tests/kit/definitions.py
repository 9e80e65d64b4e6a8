"""Definitions of kinds, compared."""

from typing import Any


def without_descriptions(node: Any) -> Any:
    """A schema without its texts, and with lists of names sorted: the order of required fields says nothing, and that
    of enums neither."""
    match node:
        case dict():
            return {
                name: without_descriptions(child)
                for name, child in node.items()
                if not isinstance(child, str) or name != "description"
            }
        case list():
            children = [without_descriptions(child) for child in node]
            return sorted(children) if all(isinstance(child, str) for child in children) else children
    return node
