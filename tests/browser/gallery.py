"""The gallery: each scene, wide and narrow, light and dark. Only `make screenshots` collects this file."""

import base64
from pathlib import Path

import pytest

from tests.browser.scenes import SCENES
from tests.browser.test_every_page import firm

__all__ = ["firm"]

pytestmark = pytest.mark.django_db(transaction=True)
FOLDER = Path(__file__).resolve().parents[2] / "docs" / "screenshots"
TALLEST = 1800
HEIGHT = "document.documentElement.scrollHeight"


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_take_a_picture(open_page, firm, scene):
    FOLDER.mkdir(parents=True, exist_ok=True)
    page = open_page(scene.path_for(firm), role=scene.role, complains=scene.complains, reduced_motion="reduce")
    if scene.act:
        scene.act(page)
    for width in (1280, 375):
        page.set_viewport_size({"width": width, "height": 800})
        page.evaluate("scrollTo(0, 0)")
        # A bar that sticks to the window's foot belongs at the picture's.
        page.set_viewport_size({"width": width, "height": min(page.evaluate(HEIGHT), TALLEST)})
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            (FOLDER / f"{scene.name}-{width}-{theme}.webp").write_bytes(picture(page))


def picture(page) -> bytes:
    """What the window shows, in a format that Playwright itself does not offer and that takes a fifth of PNG's room."""
    asked = {"format": "webp", "quality": 60}
    taken = page.context.new_cdp_session(page).send("Page.captureScreenshot", asked)
    return base64.b64decode(taken["data"])
