"""What may import what, and other promises about the shape of the code (the design's "house")."""

import ast
from collections.abc import Iterator
from functools import cache
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.urls import URLPattern, URLResolver, get_resolver

CHECKOUT = Path(__file__).resolve().parent.parent
PRODUCT = ("athenty", "audit", "ledger", "integrations")

# Who may import which of our packages, from the ground floor up. The first row whose name fits a module is its rule.
MAY_IMPORT = {
    "athenty.organizations": ("athenty.organizations",),
    "athenty.local": PRODUCT,
    "athenty.urls": PRODUCT,
    "athenty.celery": PRODUCT,
    "athenty.wsgi": PRODUCT,
    "athenty.checks": PRODUCT,
    "athenty": ("athenty",),
    "audit": ("athenty.organizations", "audit"),
    "ledger": ("athenty.organizations", "audit", "ledger"),
    "integrations.sandbox": ("integrations.sandbox",),
    "integrations.providers": ("integrations.providers",),
    "integrations": ("athenty.organizations", "athenty.celery", "audit", "ledger", "integrations"),
}
PROVIDERS = ("integrations.providers.quickbooks", "integrations.providers.xero")
# These promise nothing, so everything ends there.
EMPTY_NAMES = {"utils", "util", "helpers", "services", "managers", "common", "misc"}


def is_in(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(CHECKOUT).with_suffix("").parts).removesuffix(".__init__")


def source_files() -> list[Path]:
    return sorted(path for package in PRODUCT for path in (CHECKOUT / package).rglob("*.py"))


def our_imports(path: Path) -> Iterator[str]:
    """Every module or name of ours the file imports, also inside functions and for type checkers only."""
    for node in ast.walk(ast.parse(path.read_text(), path)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            source = absolute(node, path)
            names = [f"{source}.{alias.name}" for alias in node.names]
        yield from (name for name in names if any(is_in(name, package) for package in PRODUCT))


def absolute(node: ast.ImportFrom, path: Path) -> str:
    if not node.level:
        return node.module or ""
    package = module_name(path).split(".")
    ups = node.level - 1 if path.name == "__init__.py" else node.level
    return ".".join([*package[: len(package) - ups], *([node.module] if node.module else [])])


@cache
def imports() -> list[tuple[str, str]]:
    """(importing module, imported name) of the whole product."""
    return [(module_name(path), imported) for path in source_files() for imported in our_imports(path)]


def test_imports_run_one_way() -> None:
    wrong = [
        f"{module} imports {imported}"
        for module, imported in imports()
        for allowed in [next(may for row, may in MAY_IMPORT.items() if is_in(module, row))]
        if not any(is_in(imported, package) for package in allowed)
    ]
    assert wrong == []


def test_the_rules_see_the_imports_that_there_are() -> None:
    found = imports()
    assert any(module == "integrations.hooks" and is_in(imported, "ledger.signals") for module, imported in found)
    # The sandbox imports its own parts relatively.
    assert any(is_in(module, "integrations.sandbox") for module, _ in found)


def test_a_provider_is_imported_only_by_the_list_of_providers() -> None:
    wrong = [
        f"{module} imports {imported}"
        for module, imported in imports()
        for provider in PROVIDERS
        if is_in(imported, provider) and not is_in(module, provider) and module != "integrations.providers"
    ]
    assert wrong == []


def test_the_sandbox_is_imported_only_by_the_command_that_starts_it() -> None:
    importers = {
        module
        for module, imported in imports()
        if is_in(imported, "integrations.sandbox") and not is_in(module, "integrations.sandbox")
    }
    assert importers <= {"integrations.management.commands.sandbox"}


def test_no_module_has_a_name_that_promises_nothing() -> None:
    assert [str(path) for path in source_files() if EMPTY_NAMES & {path.stem, path.parent.name}] == []


def views() -> list[tuple[str, object]]:
    def below(patterns: list[URLPattern | URLResolver], start: str) -> Iterator[tuple[str, object]]:
        for pattern in patterns:
            address = start + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                yield from below(pattern.url_patterns, address)
            else:
                yield address, pattern.callback

    return list(below(get_resolver().url_patterns, "/"))


def test_every_view_says_who_may_see_it() -> None:
    found = views()
    assert len(found) > 5
    known = {"public", "signed_in", "admin", "staff"}
    assert [address for address, view in found if getattr(view, "access", None) not in known] == []


def test_only_signing_in_and_health_are_open_to_everyone() -> None:
    public = {address for address, view in views() if getattr(view, "access", None) == "public"}
    # Choosing an organization comes before there is one to be let into; the view asks for the sign-in itself.
    # Intuit sends whoever disconnected there to a page of ours; it reads and changes nothing.
    disconnected = "/settings/integrations/<slug:provider_name>/disconnected/"
    assert public == {"/sign-in/", "/sign-out/", "/organization/", "/healthz", disconnected}


@pytest.mark.django_db
def test_every_change_of_a_model_has_its_migration() -> None:
    said = StringIO()
    try:
        call_command("makemigrations", check_changes=True, dry_run=True, stdout=said, stderr=said)
    except SystemExit:
        pytest.fail(f"Run manage.py makemigrations:\n{said.getvalue()}")
