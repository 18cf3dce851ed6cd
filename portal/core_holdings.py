"""What the core itself keeps of a person."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from portal.registry import Holding, Table

HOLDINGS = (
    Holding(id="portal.home", label=_("Home page"), tables=(Table(model="portal.homeblock"),), order=10),
    Holding(
        id="portal.notices",
        label=_("Notices for you"),
        tables=(
            Table(model="portal.noticedismissal"),
            Table(model="portal.notice", owner="author", clear=("author",)),
            Table(model="portal.notice"),
        ),
        order=800,  # what is removed before may still tell its person something
    ),
    Holding(
        id="portal.delegations",
        label=_("Work that goes on without you"),
        tables=(Table(model="portal.delegation"),),
        order=810,
    ),
    Holding(id="portal.devices", label=_("Known browsers"), tables=(Table(model="portal.knowndevice"),), order=820),
    Holding(
        id="portal.sessions",
        label=_("Sessions"),
        tables=(Table(model="portal.session", secret=("session_key", "session_data")),),
        order=830,
    ),
    Holding(
        id="portal.admin",
        label=_("Work in the administration"),
        tables=(Table(model="admin.logentry", with_account=True),),
        order=840,
    ),
)
