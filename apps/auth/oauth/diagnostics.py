"""The self-test's check of the provider."""

from __future__ import annotations

import time
from collections.abc import Iterator

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.auth.oauth import idtoken, provider
from apps.auth.oauth.transport import Unavailable, ask
from portal.contracts import Finding, Level

SECONDS = 5.0


def oidc() -> Iterator[Finding]:
    """Connection and certificate, its description, what it can do, its keys and its clock."""
    try:
        found = provider.describe(fresh=True)
        yield Finding(Level.OK, _("It answers, and describes itself as %(issuer)s.") % {"issuer": found["issuer"]})
        yield from _abilities(found)
        usable = [key for key in provider.keys(None) if key.get("use", "sig") == "sig" and key.get("kty") != "oct"]
        clock = ask(str(found["jwks_uri"]), seconds=SECONDS).at
    except Unavailable as error:
        text = (_("No safe connection: %(reason)s") if error.unsafe else _("It cannot be asked: %(reason)s")) % {
            "reason": error
        }
        cure = (
            _("Use the name that its certificate was made for in OIDC_ISSUER, or name its authority in OIDC_CA_FILE.")
            if error.unsafe
            else _("Is the provider running, and is OIDC_ISSUER exactly what it calls itself?")
        )
        yield Finding(Level.ERROR, text, cure)
        return
    if not usable:
        yield Finding(Level.ERROR, _("It shows no key that signs."), _("Look for its jwks_uri in a browser."))
    yield from _clock(clock)


def _abilities(found: object) -> Iterator[Finding]:
    assert isinstance(found, dict)
    algorithms = found.get("id_token_signing_alg_values_supported") or ["RS256"]
    if not set(algorithms) & set(idtoken.ALGORITHMS):
        cure = _("Let it sign ID tokens with RS256 or ES256.")
        yield Finding(Level.ERROR, _("It signs ID tokens in no way that counts here."), cure)
    if "S256" not in found.get("code_challenge_methods_supported", ["S256"]):
        cure = _("Switch PKCE with S256 on at the provider.")
        yield Finding(Level.WARNING, _("It does not say that it knows PKCE with S256."), cure)
    wanted = settings.OIDC_LOGIN_CLAIM
    if wanted not in found.get("claims_supported", [wanted]):
        text = _("It does not list the claim %(name)s.") % {"name": wanted}
        yield Finding(Level.WARNING, text, _("Correct OIDC_LOGIN_CLAIM, or let the provider put the claim in."))
    if not found.get("end_session_endpoint"):
        yield Finding(Level.OK, _("It has no address to sign out at: people stay signed in there."))


def _clock(clock: float) -> Iterator[Finding]:
    if not clock:
        return
    skew = round(abs(time.time() - clock))
    text = ngettext(
        "Its clock and this machine's differ by %(n)d second.",
        "Its clock and this machine's differ by %(n)d seconds.",
        skew,
    ) % {"n": skew}
    if skew > idtoken.LEEWAY // 2:
        yield Finding(Level.WARNING, text, _("Set both clocks by NTP: tokens are good for a short time."))
    else:
        yield Finding(Level.OK, text)
