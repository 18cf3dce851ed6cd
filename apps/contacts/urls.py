from __future__ import annotations

from django.urls import path

from apps.contacts.views import duplicates, editing, people, places, sharing, transfer

urlpatterns = [
    path("", people.index, name="index"),
    path("act/", people.act_on, name="act_on"),
    path("new/", editing.new, name="new"),
    path("books/", places.books, name="books"),
    path("groups/", places.groups, name="groups"),
    path("duplicates/", duplicates.duplicates, name="duplicates"),
    path("import/", transfer.imports, name="imports"),
    path("import/<int:import_id>/", transfer.one_import, name="import"),
    path("export/", transfer.export, name="export"),
    path("<int:pk>/", people.contact, name="contact"),
    path("<int:pk>/act/", people.act, name="act"),
    path("<int:pk>/edit/", editing.edit, name="edit"),
    path("books/<int:book_id>/share/", sharing.share_book, name="share_book"),
    path("groups/<int:group_id>/share/", sharing.share_group, name="share_group"),
    path("<int:pk>/share/", sharing.share_contact, name="share"),
    path("<int:pk>/history/", people.history, name="history"),
    path("<int:pk>/photo/", people.photo, name="photo"),
    path("<int:pk>/contact.vcf", transfer.vcard, name="vcard"),
]
