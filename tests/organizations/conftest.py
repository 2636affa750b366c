import pytest

from athenty.organizations.models import Organization
from tests.organizations.parts import Part, cast


@pytest.fixture
def organization(db) -> Organization:
    return Organization.objects.create(name="Park & Lowe LLP", slug="park-lowe", time_zone="America/New_York")


@pytest.fixture
def parts(organization) -> dict[str, Part]:
    return cast(organization)
