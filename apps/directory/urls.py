from __future__ import annotations

from django.urls import path

from apps.directory.views import editing, people

urlpatterns = [
    path("", people.index, name="index"),
    path("me/", editing.mine, name="mine"),
    path("me/edit/", editing.edit, name="edit"),
    path("<str:key>/", people.person, name="person"),
    path("<str:key>/photo/", people.photo, name="photo"),
    path("<str:key>/contact.vcf", people.vcard, name="vcard"),
]
