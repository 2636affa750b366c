from typing import Any

from django import forms
from django.contrib.auth import authenticate
from django.http import HttpRequest

from athenty.organizations import throttle
from athenty.organizations.client_address import client_ip
from athenty.organizations.models import User


class SignInForm(forms.Form):
    """An e-mail and its password. `user` is whose they are, once the form is valid."""

    email = forms.EmailField(
        label="E-mail", max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True})
    )
    password = forms.CharField(
        max_length=4096, strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )
    user: User

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()

    def clean(self) -> None:
        if self.errors:
            return
        email, ip = self.cleaned_data["email"], client_ip(self.request)
        if throttle.is_closed(email, ip):
            raise forms.ValidationError("Too many wrong passwords for this e-mail. Wait 15 minutes, then try again.")
        user = authenticate(self.request, username=email, password=self.cleaned_data["password"])
        if not isinstance(user, User):
            throttle.count_failure(email, ip)
            raise forms.ValidationError("This e-mail and password do not go together. Check both and try again.")
        throttle.forget_failures(email, ip)
        self.user = user
