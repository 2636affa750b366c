"""Every page, and every state of a card, as a scene on the demo's law firm, for the checks and for the gallery.

A scene sets the books up and says where to look. What a person has to do first on the page is its `act`.
"""

from tests.browser.scenes import around, books, connections, mirror, operators
from tests.browser.scenes.listing import SCENES

__all__ = ["SCENES", "around", "books", "connections", "mirror", "operators"]
