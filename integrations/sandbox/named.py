"""An answer that an armed fault can ask for by its name."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flask import Response

RECORDED = Path(__file__).parent / "data" / "recorded"


@dataclass(frozen=True)
class Named:
    """`build` makes the answer inside the request it is given to; `about` says what it stands for."""

    about: str
    build: Callable[[], Response]


def recorded(file_name: str, status: int, content_type: str, about: str) -> Named:
    """A recorded body, byte for byte. Where each file comes from: data/README.md."""

    def build() -> Response:
        return Response((RECORDED / file_name).read_bytes(), status=status, content_type=content_type)

    return Named(f"{about} (recorded)", build)


def plain(body: str, status: int, content_type: str, about: str) -> Named:
    return Named(about, lambda: Response(body, status=status, content_type=content_type))
