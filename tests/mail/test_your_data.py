"""What waits in the Outbox is in its writer's export, in nobody else's, and goes with their data."""

from __future__ import annotations

import io
import zipfile

from django.contrib.auth import get_user_model

from apps.mail.models import OutboxMessage
from apps.mail.prefs import UNDO_SEND
from apps.mail.services import letters
from portal import your_data
from portal.models import Delegation
from portal.prefs import for_user
from tests.mail.desk import Writer
from tests.mail.test_sending import to
from tests.support.receiver import PostOffice


def archive_of(user, *, present: bool) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(b"".join(your_data.archive(user, present=present))))


def test_what_waits_is_in_the_export_of_its_writer_alone_and_goes(
    writer: Writer, post: PostOffice, django_capture_on_commit_callbacks
) -> None:
    user = get_user_model().objects.get(pk=writer.person.client.session["_auth_user_id"])
    for_user(user).save({UNDO_SEND: 10})
    writer.new().press(to=to(post.new_login()), subject="Felt for Kanarie", text="Soon.\n")
    row = OutboxMessage.objects.get(user=user)
    own = archive_of(user, present=True)
    octets = own.read(f"mail/outbox/{row.pk}.eml")
    assert b"Subject: Felt for Kanarie" in octets and b"Soon." in octets
    assert "mail/recipient.json" not in own.namelist()  # remembered when it has been sent
    others = archive_of(user, present=False)
    assert f"mail/outbox/{row.pk}.eml" not in others.namelist()
    assert b"Kanarie" not in b"".join(others.read(name) for name in others.namelist())
    file = letters.folder() / row.file
    assert file.exists()
    with django_capture_on_commit_callbacks(execute=True):
        your_data.remove(user, account=True)
    assert not file.exists()
    assert not OutboxMessage.objects.exists() and not Delegation.objects.exists()
