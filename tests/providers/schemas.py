"""Intuit's XML schema and Xero's OpenAPI, to hold requests and answers against. Sources: `spec/README.md`."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft4Validator, FormatChecker
from lxml import etree
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

SPEC = Path(__file__).parent / "spec"
_XS = "{http://www.w3.org/2001/XMLSchema}"
_INTUIT = "{http://schema.intuit.com/finance/v3}"


class Violation(AssertionError):
    """A body breaks the provider's schema."""


# Intuit --------------------------------------------------------------------------------------------------------------


def check_intuit(element: str, body: bytes) -> None:
    """Raise Violation unless the JSON is a valid global `element` of Intuit's schema, such as IntuitBatchRequest.

    Every number keeps its own digits on the way.
    """
    value = json.loads(body, parse_float=str, parse_int=str)
    document = _as_xml(element, value, _elements()[element].get("type"))
    schema = _intuit_schema()
    if not schema.validate(document):
        raise Violation(str(schema.error_log))


@cache
def _intuit_schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(SPEC / "intuit_xsd" / "IntuitRestServiceDef.xsd"))


@cache
def _definitions(kind: str) -> dict[str, Any]:
    files = sorted((SPEC / "intuit_xsd").glob("*.xsd"))
    return {found.get("name"): found for file in files for found in etree.parse(file).getroot().iterfind(_XS + kind)}


def _elements() -> dict[str, Any]:
    return _definitions("element")


@cache
def _members(type_name: str) -> tuple[dict[str, str], set[str]]:
    """A complex type's child elements with their types, in the order that XML wants, and its attributes."""
    children: dict[str, str] = {}
    attributes: set[str] = set()
    definition = _definitions("complexType").get(type_name)
    for found in definition.iter() if definition is not None else ():
        if found.tag == _XS + "extension":
            base_children, base_attributes = _members(found.get("base"))
            children, attributes = children | base_children, attributes | base_attributes
        elif found.tag == _XS + "attribute":
            attributes.add(found.get("name"))
        elif found.tag == _XS + "element":
            children |= _named(found)
    return children, attributes


def _named(element: Any) -> dict[str, str]:
    """The element and its type; for a reference to an abstract one, everything that may stand for it."""
    head = element.get("ref")
    if head is None:
        return {element.get("name"): element.get("type")}
    substitutes = {name: one.get("type") for name, one in _elements().items() if one.get("substitutionGroup") == head}
    return substitutes or {head: _elements()[head].get("type")}


def _as_xml(name: str, value: object, type_name: str) -> Any:
    made = etree.Element(_INTUIT + name)
    if not isinstance(value, Mapping):
        made.text = str(value).lower() if isinstance(value, bool) else str(value)
        return made
    children, attributes = _members(type_name)
    rest = dict(value)
    if "value" in rest and "value" not in children:
        made.text = str(rest.pop("value"))  # a reference
    for attribute in attributes & set(rest):
        made.set(attribute, _as_xml(attribute, rest.pop(attribute), "").text)
    for child in [child for child in children if child in rest]:
        held = rest.pop(child)
        for one in held if isinstance(held, list) else [held]:
            made.append(_as_xml(child, one, children[child]))
    if rest:
        raise Violation(f"{type_name} has no {', '.join(map(str, rest))}.")
    return made


# Xero ----------------------------------------------------------------------------------------------------------------


def check_xero(schema: str, body: bytes, file: str = "xero_accounting_pruned.yaml") -> None:
    """Raise Violation unless the JSON is valid and has no member that the schema (such as ManualJournals) lacks."""
    value = json.loads(body)
    problems = [*_validator(file, schema).iter_errors(value)]
    if problems:
        raise Violation("\n".join(f"{problem.json_path}: {problem.message}" for problem in problems))
    unknown = [*_unknown_members(value, {"$ref": f"#/components/schemas/{schema}"}, _openapi(file))]
    if unknown:
        raise Violation(f"{schema} has no {', '.join(unknown)}.")


@cache
def _openapi(file: str) -> dict[str, Any]:
    return yaml.load((SPEC / file).read_text(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both safe


@cache
def _validator(file: str, schema: str) -> Draft4Validator:
    """OpenAPI 3.0 took JSON Schema as it was before draft 6; neither file uses what it adds, such as `nullable`."""
    resource = Resource.from_contents(_openapi(file), default_specification=DRAFT4)
    registry = Registry().with_resource("urn:xero", resource)
    return Draft4Validator(
        {"$ref": f"urn:xero#/components/schemas/{schema}"}, registry=registry, format_checker=FormatChecker()
    )


def _unknown_members(value: object, schema: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[str]:
    """OpenAPI lets an object have members that its schema does not name. Xero reads none of them."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if isinstance(value, list):
        for one in value:
            yield from _unknown_members(one, schema.get("items", {}), document)
    elif isinstance(value, Mapping) and "properties" in schema:
        for name, member in value.items():
            if name in schema["properties"]:
                yield from _unknown_members(member, schema["properties"][name], document)
            else:
                yield name
