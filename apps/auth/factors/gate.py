"""The first level: what stands before the sign-in of the portal. See ``portal.contracts.Gate``.

What somebody has passed on the way in lies in the session of the browser that is not signed in yet, for a few minutes;
with the sign-in it moves on into the new session, where ``passed`` tells it.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from django.http import HttpRequest

from apps.auth.factors import browsers, invitations, policy, proofs, ways
from portal import sessions
from portal.accounts import canonical_login
from portal.http import PortalRequest
from portal.security_events import tell

if TYPE_CHECKING:
    from apps.auth.models import User

ON_THE_WAY = "auth.on_the_way"  # in the session of a stranger: a ``Stage``
PASSED = "auth.passed"  # in that of somebody who is signed in: the ways, and when
MUST_ENROL = "auth.must_enrol"
PATIENCE = 10 * 60  # seconds between the first level and the second
RECENT = 10 * 60  # seconds for which a proof is good enough to change proofs


@dataclass(frozen=True, slots=True)
class Stage:
    """How far somebody has come."""

    login: str
    user: int | None  # None: whoever it is, nothing is asked of them
    passed: tuple[str, ...]
    done: bool
    remember: bool
    at: int

    @classmethod
    def of(cls, request: HttpRequest) -> Stage | None:
        kept = request.session.get(ON_THE_WAY)
        if not isinstance(kept, dict):
            return None
        stage = cls(**(kept | {"passed": tuple(kept["passed"])}))
        return stage if 0 <= time.time() - stage.at <= PATIENCE else None

    def keep(self, request: HttpRequest) -> None:
        request.session[ON_THE_WAY] = {name: getattr(self, name) for name in self.__slots__}


def is_asked(request: HttpRequest) -> bool:
    """Whether anybody has to prove anything, from where this request comes."""
    return bool(policy.ways_asked(address=cast("PortalRequest", request).client_address))


def stage(request: HttpRequest, *, login: str = "") -> Stage | None:
    """How far somebody has come; with ``login``, as far as it is that person's."""
    found = Stage.of(request)
    return _same_person(found, login, proofs.named(login)) if login else found


def begin(request: HttpRequest, *, login: str, way: str, proof: str, remember: bool) -> Stage | None:
    """One try at the first level; None where it is refused. Opens no connection, whatever it is given."""
    people = proofs.named(login)
    address = cast("PortalRequest", request).client_address
    before = _same_person(Stage.of(request), login, people)
    remembered = browsers.recognise(request, people)
    if remembered is not None and _met(remembered, address, [ways.REMEMBERED]):
        return _keep(request, login, remembered, [ways.REMEMBERED], done=True, remember=False)
    if not proof:
        if not _is_nothing_asked(people, address):
            return None
        return _keep(request, login, None, [], done=True, remember=False)
    user = proofs.prove(people, way, proof)
    if user is None or (before is not None and before.user not in (None, user.pk)):
        return None
    passed = [*(before.passed if before else ()), way]
    return _keep(request, login, user, passed, done=_met(user, address, passed), remember=remember)


def accept(request: HttpRequest, *, user: User, way: str, remember: bool = False) -> Stage | None:
    """A proof that was checked elsewhere: a passkey, a certificate."""
    before = Stage.of(request)
    passed = [*(before.passed if before is not None and before.user == user.pk else ()), way]
    address = cast("PortalRequest", request).client_address
    return _keep(request, user.login, user, passed, done=_met(user, address, passed), remember=remember)


def opens(request: HttpRequest, login: str) -> bool:
    """Whether the second level may be asked at once. Strangers leave no session behind by asking."""
    found = stage(request, login=login)
    if found is not None and found.done:
        return True
    people, address = proofs.named(login), cast("PortalRequest", request).client_address
    remembered = browsers.recognise(request, people)
    if remembered is not None and _met(remembered, address, [ways.REMEMBERED]):
        return _keep(request, login, remembered, [ways.REMEMBERED], done=True, remember=False) is not None
    return _is_nothing_asked(people, address)


def _is_nothing_asked(people: Sequence[User], address: str) -> bool:
    """So it is of most where only groups have rules, and of whoever has nothing yet and still has time to enrol."""
    return all(_free(user, address) for user in people) and bool(people or _free(None, address))


def _free(user: User | None, address: str) -> bool:
    demand = policy.demand(user, address=address)
    if not demand.needs:
        return True
    if demand.enrol_by is None or demand.enrol_by.timestamp() < time.time():
        return False
    return user is None or not (proofs.has(user) & demand.ways)


def _met(user: User, address: str, passed: Collection[str]) -> bool:
    if ways.INVITATION in passed:
        return True
    return policy.demand(user, address=address).met_by(passed)


def _same_person(before: Stage | None, login: str, people: Sequence[User]) -> Stage | None:
    """What this name has passed already, by whichever of its spellings."""
    if before is None:
        return None
    if before.user is not None:
        return before if any(user.pk == before.user for user in people) else None
    return before if before.login == _canonical(login) else None


def _canonical(login: str) -> str:
    try:
        return canonical_login(login)
    except ValueError:
        return ""


def _keep(
    request: HttpRequest, login: str, user: User | None, passed: Sequence[str], *, done: bool, remember: bool
) -> Stage | None:
    """Who has come in by their mail address goes on by their login, which every server knows."""
    name, pk = (user.login, user.pk) if user is not None else (_canonical(login), None)
    if not name:
        return None
    found = Stage(name, pk, tuple(dict.fromkeys(passed)), done, remember, int(time.time()))
    request.session.cycle_key()  # what was known before it is worth nothing afterwards
    request.session.set_expiry(PATIENCE)  # strangers leave nothing behind for longer
    found.keep(request)
    return found


# --- at the second level ----------------------------------------------------------------------------------------------


def admits(request: HttpRequest, user: User) -> bool:
    """Whether the person whom the second level has recognised is the one who has passed the first."""
    address = cast("PortalRequest", request).client_address
    found = Stage.of(request)
    if found is None or not found.done or found.user is None:
        return _free(user, address)
    return found.user == user.pk


def leave(request: HttpRequest) -> Stage | None:
    """What goes along into the new session."""
    return Stage.of(request)


def arrive(request: HttpRequest, user: User, found: Stage | None) -> None:
    """The session has begun. Whoever has to enrol first gets nowhere else."""
    passed = found.passed if found is not None and found.user == user.pk else ()
    # what a browser has remembered proves nothing new: who changes proofs there is asked for one
    request.session[PASSED] = {"ways": list(passed), "at": 0 if ways.REMEMBERED in passed else int(time.time())}
    demand = policy.demand(user, address=cast("PortalRequest", request).client_address)
    if ways.INVITATION in passed or (demand.needs and not passed):
        request.session[MUST_ENROL] = True
    if ways.RECOVERY in passed:
        tell(request, kind="recovery_code_used", user=user)
    if demand.remember_days:  # who was asked, and did not say so, sits at somebody else's computer
        request.session[sessions.TRUSTED] = ways.REMEMBERED in passed or bool(found and found.remember)
    if found is not None and found.remember and demand.remember_days and ways.REMEMBERED not in passed:
        browsers.remember(request, user, days=demand.remember_days)
        tell(request, kind="device_remembered", user=user)


def passed(request: HttpRequest) -> tuple[str, ...]:
    """The ways by which the person of this session has proved who they are."""
    kept: dict[str, Any] = request.session.get(PASSED) or {}
    return tuple(kept.get("ways", ()))


def is_recent(request: HttpRequest) -> bool:
    """Whether that was a moment ago: what changes proofs wants one that is fresh."""
    kept: dict[str, Any] = request.session.get(PASSED) or {}
    return bool(0 <= time.time() - kept.get("at", 0) <= RECENT)  # a clock that is set back makes nothing fresh


def renew(request: HttpRequest, way: str) -> None:
    """One more proof, in the middle of a session."""
    ways_now = list(dict.fromkeys([*passed(request), way]))
    request.session[PASSED] = {"ways": ways_now, "at": int(time.time())}


def enrolled(request: HttpRequest, user: User) -> None:
    request.session.pop(MUST_ENROL, None)
    invitations.use(user)
