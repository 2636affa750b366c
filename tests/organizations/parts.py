"""People with parts in a firm, each with a browser."""

from dataclasses import dataclass

from django.contrib.auth.hashers import make_password
from django.test import Client

from athenty.organizations.models import Membership, Organization, User
from tests.signed_in import all_signed_in

PASSWORD = "a password of nobody's"
ROLES = ("owner", "admin", "member", "viewer")


@dataclass
class Part:
    """One person, signed in unless they are the visitor."""

    client: Client
    user: User | None = None


def cast(organization: Organization) -> dict[str, Part]:
    """One person per role, a stranger who owns another firm, and a visitor who is not signed in."""
    other = Organization.objects.create(name="Stranger & Co", slug="stranger")
    places = [(role, organization, role, f"{role.capitalize()} Park") for role in ROLES]
    places.append(("stranger", other, "owner", "Stranger Hart"))
    # Without a password none of them can sign in. All at once: they are most of the work of their tests.
    people = User.objects.bulk_create(
        User(email=f"{role}@{firm.slug}.example", name=name, password=make_password(None))
        for _, firm, role, name in places
    )
    Membership.objects.bulk_create(
        Membership(user=user, organization=firm, role=role)
        for user, (_, firm, role, _) in zip(people, places, strict=True)
    )
    named = zip(places, all_signed_in(people), people, strict=True)
    return {part: Part(client, user) for (part, *_), client, user in named} | {"visitor": Part(Client())}
