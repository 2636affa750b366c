"""The list that scenes enter themselves into."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from athenty.organizations.models import Organization


@dataclass(frozen=True)
class Scene:
    """`path_for` sets the scene and gives the address; `role` None looks on signed out."""

    name: str
    path_for: Callable[[Organization], str]
    role: str | None = "owner"
    act: Callable[[Any], None] | None = None
    passing_over: str = ""
    """What other scenes have for the slow checks too, as a selector."""
    is_djangos: bool = False
    """One of the admin's own pages: held to WCAG, and not to our design."""
    complains: tuple[str, ...] = ()
    """What the browser's console may say of it."""


SCENES: list[Scene] = []


def scene(**how: Any):
    """Enter the function below into the list, under its own name."""

    def enter(path_for: Callable[[Organization], str]) -> Callable[[Organization], str]:
        SCENES.append(Scene(path_for.__name__.replace("_", "-"), path_for, **how))
        return path_for

    return enter
