from __future__ import annotations

from django.urls import path

from apps.spellcheck import views

urlpatterns = [
    path("check/", views.check, name="check"),
    path("suggest/", views.suggest, name="suggest"),
    path("add/", views.add, name="add"),
    path("dictionary/", views.dictionary, name="dictionary"),
    path("dictionary/export/", views.export, name="export"),
]
