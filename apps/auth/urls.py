from __future__ import annotations

from django.urls import path

from apps.auth.audit import views as audit
from apps.auth.certificates import views as certificates
from apps.auth.oauth import views as oauth
from apps.auth.views import app_passwords, help, portal_password, proving, security

urlpatterns = [
    path("prove/", proving.prove, name="prove"),
    path("help/", help.signing_in, name="help"),
    path("enrol/", security.enrol, name="enrol"),
    path("security/", security.security, name="security"),
    path("security/app/", security.new_app, name="new_app"),
    path("security/app/<int:device_id>/", security.app, name="app"),
    path("security/device/<int:device_id>/", security.change_device, name="change_device"),
    path("security/passkey/", security.passkey, name="passkey"),
    path("security/passkey/<int:passkey_id>/", security.change_passkey, name="change_passkey"),
    path("security/password/", portal_password.portal_password, name="portal_password"),
    path("security/recovery/", security.recovery, name="recovery"),
    path("security/app-password/", app_passwords.make, name="make_app_password"),
    path("security/app-password/<int:password_id>/revoke/", app_passwords.revoke, name="revoke_app_password"),
    path("security/browsers/forget/", security.forget_browsers, name="forget_browsers"),
    path("certificates/", certificates.index, name="certificates"),
    path("certificates/authority/", certificates.authority, name="certificates_authority"),
    path("certificates/make/", certificates.make, name="certificates_make"),
    path("certificates/file/", certificates.file, name="certificates_file"),
    path("certificates/<int:pk>/revoke/", certificates.revoke, name="certificates_revoke"),
    path("oauth/start/", oauth.start, name="oauth_start"),
    path("oauth/back/", oauth.back, name="oauth_back"),
    path("oauth/done/", oauth.done, name="oauth_done"),
    path("oauth/leave/", oauth.leave, name="oauth_leave"),
    path("activity/", audit.activity, name="activity"),
]
