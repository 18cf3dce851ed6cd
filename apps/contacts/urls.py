from __future__ import annotations

from django.urls import include, path

from apps.contacts.views import (
    asking,
    birthdays,
    duplicates,
    editing,
    people,
    places,
    programs,
    qr,
    subscriptions,
    taking,
    transfer,
)

urlpatterns = [
    path("", people.index, name="index"),
    path("act/", people.act_on, name="act_on"),
    path("new/", editing.new, name="new"),
    path("books/", places.books, name="books"),
    path("books/subscribe/", subscriptions.subscribe, name="subscribe"),
    path("books/subscribed/<int:subscription_id>/", subscriptions.subscription, name="subscription"),
    path("groups/", places.groups, name="groups"),
    path("search/", asking.search, name="search"),
    path("searches/", asking.saved, name="searches"),
    path("duplicates/", duplicates.duplicates, name="duplicates"),
    path("birthdays/", birthdays.birthdays, name="birthdays"),
    path("import/", transfer.imports, name="imports"),
    path("import/<int:import_id>/", transfer.one_import, name="import"),
    path("export/", transfer.export, name="export"),
    path("take/", taking.take, name="take"),
    path("programs/", programs.programs, name="programs"),
    path("dav/", include("apps.contacts.dav.urls")),
    path("<int:pk>/", people.contact, name="contact"),
    path("<int:pk>/act/", people.act, name="act"),
    path("<int:pk>/edit/", editing.edit, name="edit"),
    path("<int:pk>/history/", people.history, name="history"),
    path("<int:pk>/photo/", people.photo, name="photo"),
    path("<int:pk>/refresh/", taking.refresh, name="refresh"),
    path("<int:pk>/qr/", qr.page, name="qr"),
    path("<int:pk>/qr.svg", qr.picture, name="qr_picture"),
    path("<int:pk>/contact.vcf", transfer.vcard, name="vcard"),
]
