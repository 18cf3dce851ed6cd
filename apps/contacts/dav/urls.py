"""Below ``/contacts/dav/``. A book is found without its last slash too: some programs make it like that."""

from __future__ import annotations

from django.urls import path

from apps.contacts.dav import views

urlpatterns = [
    path("", views.root, name="dav"),
    path("<int:user_id>/", views.principal, name="dav_principal"),
    path("<int:user_id>/books/", views.home, name="dav_home"),
    path("<int:user_id>/books/<str:book>", views.book, name="dav_book_bare"),
    path("<int:user_id>/books/<str:book>/", views.book, name="dav_book"),
    path("<int:user_id>/books/<str:book>/<str:resource>", views.resource, name="dav_resource"),
]
