"""Record each sign-in in the log of every organization that the person belongs to."""

from typing import Any

from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest

from athenty.organizations.client_address import client_ip
from athenty.organizations.models import Membership, User
from audit import recording
from audit.actions import Action


@receiver(user_logged_in, dispatch_uid="record_sign_in")
def record_sign_in(sender: type[User], request: HttpRequest, user: User, **_: Any) -> None:
    for membership in Membership.objects.of(user):
        recording.record(Action.SIGNED_IN, membership.organization, actor=user, obj=user, ip=client_ip(request))
