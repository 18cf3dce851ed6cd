from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from portal.prefs import PrefPage, int_pref

BLOCK_SIZE = int_pref("dummyapp.block_size", _("Entries on the home page"), 3, minimum=1, maximum=20)

PAGE = PrefPage(id="dummyapp.page", title=_("Guest book"), prefs=(BLOCK_SIZE,), icon="book-open", order=500)
