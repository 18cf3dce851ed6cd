from __future__ import annotations

from django.urls import path

from apps.contacts.views import duplicates, editing, files, people, places, subscriptions, transfer

urlpatterns = [
    path("", people.index, name="index"),
    path("act/", people.act_on, name="act_on"),
    path("new/", editing.new, name="new"),
    path("books/", places.books, name="books"),
    path("books/subscribe/", subscriptions.subscribe, name="subscribe"),
    path("books/subscribed/<int:subscription_id>/", subscriptions.subscription, name="subscription"),
    path("groups/", places.groups, name="groups"),
    path("duplicates/", duplicates.duplicates, name="duplicates"),
    path("import/", transfer.imports, name="imports"),
    path("import/<int:import_id>/", transfer.one_import, name="import"),
    path("export/", transfer.export, name="export"),
    path("<int:pk>/", people.contact, name="contact"),
    path("<int:pk>/act/", people.act, name="act"),
    path("<int:pk>/edit/", editing.edit, name="edit"),
    path("<int:pk>/history/", people.history, name="history"),
    path("<int:pk>/files/", files.change, name="files"),
    path("<int:pk>/files/<int:file_id>/", files.file, name="file"),
    path("<int:pk>/photo/", people.photo, name="photo"),
    path("<int:pk>/contact.vcf", transfer.vcard, name="vcard"),
]
