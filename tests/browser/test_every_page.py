"""What ux.md §9 asks of every page: each scene in both themes, narrow, enlarged, on paper and in forced colours."""

from pathlib import Path

import pytest
from axe_playwright_python.base import AxeResults
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone

from athenty.local import demo_firm
from athenty.organizations.models import Organization
from tests.browser.scenes import SCENES

pytestmark = pytest.mark.django_db(transaction=True)

CHECKS = (Path(__file__).parent / "checks.js").read_text()
_VIOLATIONS = {"resultTypes": ["violations"]}
WCAG = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}, **_VIOLATIONS}
CONTRAST = {"runOnly": {"type": "rule", "values": ["color-contrast"]}, **_VIOLATIONS}
# Most of axe's time goes into contrast, and most of that into rows of a table whose cells look like those above them.
TWINS = (Path(__file__).parent / "twins.js").read_text()
NOT_OF_TWINS = "axe.configure({ rules: [{ id: 'color-contrast', selector: ':not([data-twin])' }] })"
# Made by the same lines of a template as the dozen before them, and axe takes longer for a row than for most pages.
LATER_ROWS = "tbody tr:nth-child(n + 13)"
TOO_WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
EDGES = (Path(__file__).parent / "edges.js").read_text()
PRESSABLE = "document.querySelectorAll('nav, [role=tablist], main button:not([aria-hidden]), .filters')"
RUNNING = "document.getAnimations().filter((one) => one.playState === 'running').length"


@pytest.fixture
def firm(transactional_db):
    demo_firm.seed(timezone.localdate())
    return Organization.objects.get(slug="park-lowe")


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_every_page_in_every_state(open_page, firm, scene):
    page = open_page(
        scene.path_for(firm),
        role=scene.role,
        complains=scene.complains,
        color_scheme="light",
        reduced_motion="reduce",
    )
    if scene.act:
        scene.act(page)
    page.evaluate(Axe().axe_script)
    page.evaluate(NOT_OF_TWINS)
    violations(page, WCAG, scene.passing_over)
    page.emulate_media(color_scheme="dark")
    violations(page, CONTRAST, scene.passing_over)
    if not scene.is_djangos:
        what_our_design_adds(page)


def what_our_design_adds(page):
    assert page.evaluate(EDGES) == []
    page.emulate_media(color_scheme="light")
    assert page.evaluate(CHECKS) == []
    assert page.evaluate(EDGES) == []
    assert page.evaluate(RUNNING) == 0, "something moves though the person asked for no motion"

    page.emulate_media(color_scheme="light", forced_colors="active")
    assert page.evaluate("[...document.querySelectorAll('.pill')].every((pill) => pill.checkVisibility())")
    page.emulate_media(forced_colors="none", media="print")
    visible = f"[...{PRESSABLE}].filter((one) => one.checkVisibility()).map((one) => one.outerHTML.slice(0, 80))"
    assert page.evaluate(visible) == []
    heads = "[...document.querySelectorAll('thead')].map((head) => getComputedStyle(head).display)"
    assert set(page.evaluate(heads)) <= {"table-header-group"}
    page.emulate_media(media="screen")

    page.set_viewport_size({"width": 320, "height": 800})
    assert not page.evaluate(TOO_WIDE), "the page scrolls sideways at 320 px"
    assert page.evaluate(CHECKS) == []
    page.set_viewport_size({"width": 1280, "height": 900})
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert not page.evaluate(TOO_WIDE), "the page scrolls sideways at 200 % text"


def violations(page, options, passing_over: str) -> None:
    page.evaluate(TWINS)
    around = {"exclude": [[each] for each in (passing_over, LATER_ROWS) if each]}
    results = AxeResults(page.evaluate("(asked) => axe.run(...asked)", [around, options]))
    assert results.violations_count == 0, results.generate_report()
