"""Tab goes to every control of a page, in the order in which they stand, and out at the end: there is no trap."""

import pytest

from tests.browser.scenes import SCENES
from tests.browser.test_every_page import firm

__all__ = ["firm"]

pytestmark = pytest.mark.django_db(transaction=True)

# Those with lists, filters, forms and tables; the others are made of the same parts.
WALKED = ["entries-rejected", "sync-mode-batched", "mapping", "audit-log", "trust-accounting"]
NUMBER_THEM = """() => {
  const controls = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']";
  const tabbable = [...document.querySelectorAll(controls)].filter((element) =>
    element.tabIndex >= 0 && !element.disabled && element.checkVisibility({ visibilityProperty: true })
    && !(element.type === "radio" && !element.checked));
  tabbable.forEach((element, at) => { element.dataset.at = at; });
  document.activeElement.blur();
  return tabbable.length;
}"""
AT = """() => {
  const active = document.activeElement;
  return active === document.body ? null : active.dataset.at ?? active.outerHTML;
}"""


@pytest.mark.parametrize("scene", [scene for scene in SCENES if scene.name in WALKED], ids=lambda scene: scene.name)
def test_tab_reaches_every_control_in_order_and_leaves(open_page, firm, scene):
    page = open_page(scene.path_for(firm))
    count = page.evaluate(NUMBER_THEM)
    assert count > 5
    walked: list[str] = []
    # A date's month, day and year are stops of their own within one field.
    for _ in range(4 * count):
        page.keyboard.press("Tab")
        at = page.evaluate(AT)
        if at is None or (walked and at == "0"):
            break
        if at not in walked[-1:]:
            walked.append(at)
    assert walked == [str(at) for at in range(count)], "Tab leaves something out, turns back, or never leaves"
