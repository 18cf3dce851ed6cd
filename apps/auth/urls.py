from __future__ import annotations

from django.urls import path

from apps.auth.certificates import views as certificates

urlpatterns = [
    path("certificates/", certificates.index, name="certificates"),
    path("certificates/authority/", certificates.authority, name="certificates_authority"),
    path("certificates/make/", certificates.make, name="certificates_make"),
    path("certificates/file/", certificates.file, name="certificates_file"),
    path("certificates/<int:pk>/revoke/", certificates.revoke, name="certificates_revoke"),
]
