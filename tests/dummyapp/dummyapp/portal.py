"""Everything this app brings into the portal's frame."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from portal.registry import Block, Diagnostic, Holding, NavItem, PortalApp, Table

from . import blocks, diagnostics, prefs

PORTAL_APP = PortalApp(
    id="dummyapp",
    title=_("Guest book"),
    urls="dummyapp.urls",
    nav=(NavItem(id="dummyapp.index", label=_("Guest book"), url_name="dummyapp:index", icon="book-open", order=500),),
    blocks=(
        Block(
            id="dummyapp.newest",
            title=_("Newest entries"),
            template="dummyapp/blocks/newest.html",
            context=blocks.newest,
            icon="book-open",
            default=True,
            order=500,
        ),
    ),
    pref_pages=(prefs.PAGE,),
    diagnostics=(Diagnostic(id="dummyapp.entries", label=_("Guest book"), run=diagnostics.entries, order=500),),
    holdings=(
        Holding(
            id="dummyapp.entries",
            label=_("Guest book"),
            tables=(Table(model="dummyapp.entry", owner="author"),),
            order=500,
        ),
    ),
    stylesheets=("dummyapp/dummyapp.css",),
)
