"""A site whose people have their passwords at a mail server."""

from __future__ import annotations

import pytest
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.decorators import login_required
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

from portal import credentials
from portal.accounts import SignInUnavailable, external_user
from portal.urls import urlpatterns as portal_urls

SIGN_IN = "/sign-in/"
MAIL_PASSWORD = {"carol": "carol's first password"}


class MailBackend(ModelBackend):
    """Stands for an app's backend: a mail server that knows carol, and is away when asked for ``away``."""

    def authenticate(self, request, username=None, password=None, **kwargs):
        if username == "away":
            raise SignInUnavailable("timeout")
        if password and MAIL_PASSWORD.get(username) == password:
            return external_user(source="test", server="mail.example.test", login=username)
        return None


@login_required
def letter(request: HttpRequest) -> HttpResponse:
    """Sends what is posted, if the mail server takes the sealed password."""
    if credentials.unseal(request) != MAIL_PASSWORD[request.user.login]:
        raise credentials.Locked(refused=True)
    return HttpResponse(f"sent {request.POST.get('text', '')!r} {request.POST.getlist('to')} {sorted(request.POST)}")


urlpatterns = [path("letter/", letter), *portal_urls]


@pytest.fixture(autouse=True)
def world(settings, monkeypatch: pytest.MonkeyPatch):
    settings.ROOT_URLCONF = __name__
    settings.AUTHENTICATION_BACKENDS = ["apps.auth.backends.LocalBackend", f"{__name__}.MailBackend"]
    monkeypatch.setitem(MAIL_PASSWORD, "carol", "carol's first password")
    cache.clear()


def sign_in(client: Client, username: str = "carol", password: str = "carol's first password", **more: str):
    return client.post(SIGN_IN, {"username": username, "password": password, **more})


def user_of(client: Client) -> object:
    return client.session.get("_auth_user_id")
