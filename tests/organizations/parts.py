"""People with parts in a firm, each with a browser."""

from dataclasses import dataclass

from django.test import Client

from athenty.organizations.models import Membership, Organization, User

PASSWORD = "a password of nobody's"
ROLES = ("owner", "admin", "member", "viewer")


@dataclass
class Part:
    """One person, signed in unless they are the visitor."""

    client: Client
    user: User | None = None


def cast(organization: Organization) -> dict[str, Part]:
    """One person per role, a stranger who owns another firm, and a visitor who is not signed in."""
    parts = {role: _member(organization, role, f"{role.capitalize()} Park") for role in ROLES}
    other = Organization.objects.create(name="Stranger & Co", slug="stranger")
    parts["stranger"] = _member(other, "owner", "Stranger Hart")
    parts["visitor"] = Part(Client())
    return parts


def _member(organization: Organization, role: str, name: str) -> Part:
    email = f"{role}@{organization.slug}.example"
    user = User.objects.create_user(email, name=name)
    Membership.objects.create(user=user, organization=organization, role=role)
    client = Client()
    client.force_login(user)
    return Part(client, user)
