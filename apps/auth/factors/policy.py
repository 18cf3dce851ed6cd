"""Which proofs the site asks of whom, and from where: the rules that administrators write, as values.

No rule: nothing is asked, and signing in is one form. Asked before anything is known of a person, so that whoever has
no account here is treated like everybody else.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from apps.auth.factors import ways

if TYPE_CHECKING:
    from apps.auth.factors.models import Rule
    from apps.auth.models import User

SIGN_IN, ADMIN = "sign-in", "admin"

Needs = tuple[frozenset[str], ...]  # alternatives; in each, all of it is needed


@dataclass(frozen=True, slots=True)
class Demand:
    """What one person has to prove here and now."""

    needs: Needs = ()
    remember_days: int = 0
    enrol_by: datetime | None = None

    def met_by(self, passed: Collection[str]) -> bool:
        if ways.REMEMBERED in passed and self.remember_days:
            return True
        found = set(passed)
        if ways.RECOVERY in found:  # stands for what was lost
            found |= {ways.CODE, ways.PASSKEY, ways.CERTIFICATE}
        return not self.needs or any(need <= found for need in self.needs)

    @property
    def ways(self) -> frozenset[str]:
        """All that can be a part of it."""
        return frozenset().union(*self.needs)


NOTHING = Demand()


def demand(user: User | None, *, address: str, scope: str = SIGN_IN) -> Demand:
    """Of ``user``, or of a name that nobody here has."""
    rules = _rules(address, scope)
    if not any(rule.needs for rule in rules):
        return NOTHING
    groups = set(user.groups.values_list("pk", flat=True)) if user is not None else set()
    rule = next((rule for rule in rules if rule.group_id is None or rule.group_id in groups), None)
    return NOTHING if rule is None else Demand(parse_needs(rule.needs), rule.remember_days, rule.enrol_by)


def ways_asked(*, address: str, scope: str = SIGN_IN) -> tuple[str, ...]:
    """All ways that somebody may have to prove from there; none where nobody is asked for anything."""
    found = {way for rule in _rules(address, scope) for need in parse_needs(rule.needs) for way in need}
    return tuple(way for way in ways.ALL if way in found)


def is_used(way: str) -> bool:
    """Whether any rule in force asks for it, of whomever and from wherever."""
    from apps.auth.factors.models import Rule

    return any(way in need for rule in Rule.objects.filter(enabled=True) for need in parse_needs(rule.needs))


def _rules(address: str, scope: str) -> list[Rule]:
    from apps.auth.factors.models import Rule

    return [rule for rule in Rule.objects.filter(enabled=True, scope=scope) if _is_from(address, rule.networks)]


def _is_from(address: str, networks: str) -> bool:
    if not networks.strip():
        return True
    try:
        where = ipaddress.ip_address(address)
    except ValueError:
        return True  # the portal does not know where from: the rule counts rather than not
    return any(where in network for network in parse_networks(networks))


def parse_needs(text: str) -> Needs:
    """``"code, certificate+password"``; raises ``ValueError`` with words for people."""
    needs = []
    for alternative in filter(None, (part.strip() for part in text.split(","))):
        need = frozenset(part.strip().lower() for part in alternative.split("+"))
        if unknown := need - set(ways.ALL):
            raise ValueError(_("There is no way called “%(name)s”.") % {"name": min(unknown)})
        needs.append(need)
    return tuple(needs)


def parse_networks(text: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """Raises ``ValueError`` with words for people."""
    found = []
    for word in text.replace(",", " ").split():
        try:
            found.append(ipaddress.ip_network(word, strict=False))
        except ValueError:
            raise ValueError(_("“%(name)s” is no address and no network.") % {"name": word}) from None
    return found
