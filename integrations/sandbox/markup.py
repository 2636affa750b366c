"""JSON-shaped answers as XML, which both providers send to callers that don't ask for JSON."""

from collections.abc import Callable
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

DECLARATION = b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


def to_xml(root: Element, members: dict[str, Any], *, item_name: Callable[[str], str | None]) -> bytes:
    """Fill `root` from a dict, where "@name" is an attribute.

    `item_name` names the items of a wrapped list; None repeats the list's own name for each item.
    """
    _fill(root, members, item_name)
    return DECLARATION + tostring(root, encoding="utf-8")


def _fill(parent: Element, members: dict[str, Any], item_name: Callable[[str], str | None]) -> None:
    for name, value in members.items():
        if name.startswith("@"):
            parent.set(name[1:], str(value))
        elif isinstance(value, list):
            inner = item_name(name)
            holder = parent if inner is None else SubElement(parent, name)
            for item in value:
                _add(holder, inner or name, item, item_name)
        else:
            _add(parent, name, value, item_name)


def _add(parent: Element, name: str, value: Any, item_name: Callable[[str], str | None]) -> None:
    child = SubElement(parent, name)
    if isinstance(value, dict):
        if (
            set(value) <= {"value", "name"} and "value" in value
        ):  # a reference: <AccountRef name="Sales">12</AccountRef>
            child.text = str(value["value"])
            if "name" in value:
                child.set("name", str(value["name"]))
        else:
            _fill(child, value, item_name)
    elif isinstance(value, bool):
        child.text = str(value).lower()
    elif value is not None:
        child.text = str(value)
