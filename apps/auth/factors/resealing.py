"""What happens to seals when the server's key changes."""

from __future__ import annotations

from portal import sealing
from portal.registry import Resealed


def codes() -> Resealed:
    """Keys of apps and cards."""
    from apps.auth.factors.models import CodeDevice

    done = lost = 0
    for device in CodeDevice.objects.iterator(chunk_size=500):
        try:
            device.put_key(device.key())
        except sealing.Broken:
            lost += 1
            continue
        device.save(update_fields=["sealed"])
        done += 1
    return Resealed(done=done, lost=lost)


def passkeys() -> Resealed:
    """Mail passwords in passkeys open only while the key is touched: they are sealed anew then."""
    from apps.auth.factors.models import Passkey

    return Resealed(waiting=Passkey.objects.exclude(sealed=b"").count())


def digests() -> Resealed:
    """Codes and passwords that only a digest is kept of: nobody can make it anew. They end with the former key."""
    from apps.auth.factors.models import AppPassword, Invitation, RecoveryCode, RememberedBrowser

    kept = (RecoveryCode.objects.filter(used=None), Invitation.objects.filter(used=None), AppPassword.objects.all())
    return Resealed(waiting=sum(rows.count() for rows in (*kept, RememberedBrowser.objects.all())))
