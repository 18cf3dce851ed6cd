"""The core's addresses, and one prefix for each app that has some."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from portal.registry import get_registry
from portal.views import (
    account,
    complete,
    errors,
    frame,
    health,
    help,
    home,
    keyboard,
    person,
    preferences,
    search,
    selftest,
    sessions,
    your_data,
)

core = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("", home.home_page, name="home"),
    path("home/arrange/", home.arrange, name="arrange"),
    path("home/blocks/<str:block_id>/", home.block, name="block"),
    path("home/notices/<int:notice_id>/dismiss/", home.dismiss_notice, name="dismiss_notice"),
    path("preferences/", preferences.index, name="preferences"),
    path("preferences/keyboard/", keyboard.keyboard, name="keyboard"),
    path("palette/", keyboard.palette, name="palette"),
    path("preferences/<str:page_id>/", preferences.page, name="preferences_page"),
    path("sessions/", sessions.index, name="sessions"),
    path("sessions/end/", sessions.end, name="end_session"),
    path("sessions/<int:delegation_id>/revoke/", sessions.revoke, name="revoke_delegation"),
    path("your-data/", your_data.index, name="your_data"),
    path("your-data/export/", your_data.export, name="export_data"),
    path("your-data/remove/", your_data.remove, name="remove_data"),
    path("selftest/", selftest.selftest, name="selftest"),
    path("selftest/<str:check_id>/", selftest.check, name="selftest_check"),
    path("search/", search.search, name="search"),
    path("complete/", complete.complete, name="complete"),
    path("complete/people/", complete.people, name="people_of_group"),
    path("person/", person.person, name="person"),
    path("person/lately/", person.lately, name="person_lately"),
    path("person/parts/<str:part_id>/", person.part, name="person_part"),
    path("help/", help.help_page, name="help"),
    path("help/<str:topic_id>/", help.help_page, name="help_topic"),
    path("sign-in/", account.sign_in, name="sign_in"),
    path("sign-out/", account.sign_out, name="sign_out"),
    path("language/", account.set_language, name="set_language"),
    path("theme/", frame.set_theme, name="set_theme"),
    path("badge/<str:item_id>/", home.badge, name="badge"),
]

urlpatterns = [
    path("", include((core, "portal"))),
    path("admin/login/", account.admin_sign_in),
    path("admin/logout/", account.sign_out),
    path("admin/", admin.site.urls),
    *get_registry().well_known_urlpatterns(),
    *get_registry().urlpatterns(),
]

handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.not_found
handler500 = errors.server_error
