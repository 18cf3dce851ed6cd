"""What belongs to somebody, asked for by its number by somebody else: nothing is shown, and nothing changes."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from urllib.parse import urlencode

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db.models import Model
from django.forms import model_to_dict
from django.http import HttpResponse

from apps.mail.models import Identity, OutboxMessage, SavedSearch
from apps.mail.prefs import UNDO_SEND
from portal.models import Delegation, Notice, NoticeDismissal
from portal.prefs import for_user
from tests.mail.conftest import Person, SignIn, letter
from tests.mail.desk import Desk, Writer
from tests.mail.test_content import PNG, related

SECRET = "felt and poles"


@dataclass
class Belongings:
    """One thing of each kind that has a number or a name in an address."""

    owner: Writer
    message: str  # address, with UIDVALIDITY
    draft: str
    consent: str  # loads a message's remote images
    remote: str  # a remote image of hers
    upload: str
    outbox: OutboxMessage
    delegation: Delegation
    search: SavedSearch
    identity: Identity
    notice: Notice  # for a group that only she is in


@pytest.fixture
def hers(writer: Writer) -> Belongings:
    person = writer.person
    user = get_user_model().objects.get(login=person.login)
    for_user(user).save({UNDO_SEND: 30})
    person.receive(letter("one"), letter("two"), letter("three"))
    (uid,) = person.receive(related(f'<p>{SECRET} <img src="https://evil.test/t.gif"></p>'))
    page = person.client.get(f"/mail/INBOX/{uid}/", follow=True)
    consent = html.unescape(re.search(r'href="([^"]*images=[^"]*)"', page.content.decode())[1])
    frame = html.unescape(re.search(r'<iframe [^>]*src="([^"]*)"', person.client.get(consent).content.decode())[1])
    remote = html.unescape(re.search(r'src="(/mail/@/image/[^"]*)"', person.client.get(frame).content.decode())[1])
    desk = writer.new().press("attach", subject=SECRET, files=[("view.png", "image/png", PNG + SECRET.encode())])
    desk.press("save", subject=SECRET, text=SECRET)
    (draft,) = writer.uids("Drafts")
    upload = writer.new().press("attach", files=[("v.png", "image/png", PNG + SECRET.encode())]).tokens[0]
    writer.new().press(
        to=f"somebody@{person.server.address(person.login).rpartition('@')[2]}", subject=SECRET, text=SECRET
    )
    row = OutboxMessage.objects.get(user=user)
    group = Group.objects.create(name="weavers")
    user.groups.add(group)
    return Belongings(
        owner=writer,
        message=f"/mail/INBOX/{uid}/?v={person.uidvalidity()}",
        draft=f"/mail/Drafts/{draft}/edit/?v={person.uidvalidity('Drafts')}",
        consent=consent,
        remote=remote,
        upload=upload,
        outbox=row,
        delegation=Delegation.objects.get(user=user),
        search=SavedSearch.objects.create(user=user, name=SECRET, query=SECRET, mailbox="INBOX", position=1),
        identity=Identity.objects.create(user=user, name=SECRET, email=writer.address, position=1),
        notice=Notice.objects.create(title=SECRET, audience=group, dismissible=True),
    )


@pytest.fixture
def mallory(hers: Belongings, sign_in: SignIn) -> Person:
    """Signed in on the same server, with an INBOX and Drafts of his own."""
    return sign_in()


def shown(answer: HttpResponse) -> bytes:
    return answer.getvalue() if not answer.streaming else b"".join(answer.streaming_content)


def test_nothing_of_hers_is_shown(hers: Belongings, mallory: Person) -> None:
    base = hers.message.partition("?")[0]
    v = hers.message.rpartition("=")[2]
    of_message = ["", "body/2.1/", "part/2.2/", "headers/", "source/", "message.eml", "print/", "attachments.zip"]
    of_message += ["reply/", "reply-all/", "forward/", "forward-attached/", "edit-as-new/", "redirect/", "edit/"]
    addresses = [f"{base}{name}?v={v}" for name in of_message]
    addresses += [hers.draft, hers.consent, hers.remote, f"/mail/@/uploads/{hers.upload.removeprefix('u:')}/"]
    addresses += [f"/mail/@/identities/{hers.identity.pk}/", f"/mail/@/searches/{hers.search.pk}/"]
    addresses += ["/", "/mail/", "/mail/@/outbox/", "/mail/@/outbox/watch/", "/mail/@/searches/", "/mail/@/identities/"]
    addresses += ["/sessions/", "/home/blocks/portal.notices/", "/mail/@/compose/", "/mail/@/folders/"]
    addresses += [f"/search/?{urlencode({'q': SECRET})}", f"/complete/?{urlencode({'q': 'somebody'})}"]
    seen = {address: shown(mallory.client.get(address)) for address in addresses}
    leaks = [address for address, octets in seen.items() if SECRET.encode() in octets]
    assert leaks == [addresses[-2]]  # what was searched for stands in the box
    assert b"somebody@" not in seen[addresses[-1]]
    assert SECRET.encode() in shown(hers.owner.person.client.get(hers.message.replace("/?", "/source/?")))


def test_nothing_of_hers_changes(hers: Belongings, mallory: Person) -> None:
    """It is as if there were no such thing: not there, or already gone."""
    post = mallory.client.post
    _empty, _mail, inbox, uid, query = hers.message.split("/")
    things = (hers.outbox, hers.delegation, hers.search, hers.identity, hers.notice)
    before = [values_of(thing) for thing in things]
    tried = [
        *(post(f"/mail/@/outbox/{hers.outbox.pk}/", {"do": do}) for do in ("edit", "again", "arrived", "discard")),
        *(post(f"/mail/@/searches/{hers.search.pk}/", {"do": do, "name": "x"}) for do in ("rename", "delete")),
        post(f"/mail/@/searches/{hers.search.pk}/", {"do": "place", "to": "0"}),
        post(f"/mail/@/identities/{hers.identity.pk}/", {"action": "save", "name": "x", "email": "m@example.test"}),
        post(f"/mail/@/identities/{hers.identity.pk}/", {"action": "delete"}),
        post("/mail/@/identities/", {"order": f"{hers.identity.pk},0"}),
        post(f"/sessions/{hers.delegation.pk}/revoke/"),
        post(f"/home/notices/{hers.notice.pk}/dismiss/"),
        *(
            post(f"/mail/{inbox}/act/", {"do": do, "uid": uid, "v": query.rpartition("=")[2]})
            for do in ("read", "flag", "delete", "junk", "archive")
        ),
    ]
    assert [answer.status_code for answer in tried if answer.status_code >= 500] == []
    assert [values_of(type(thing).objects.get(pk=thing.pk)) for thing in things] == before
    assert not NoticeDismissal.objects.exists()
    assert hers.owner.person.count() == 4
    assert hers.owner.person.flags(int(uid)) & {"\\Flagged", "\\Deleted"} == set()


def values_of(row: Model) -> dict[str, object]:
    return {
        name: value if type(value) is not memoryview else bytes(value) for name, value in model_to_dict(row).items()
    }


def test_nobody_writes_with_her_files_or_in_her_name(hers: Belongings, mallory: Person) -> None:
    """Her upload's name and her identity's number in the form of another one."""
    theirs = Writer(mallory, hers.owner.post)
    fields = theirs.new().fields | {"attachment": [hers.upload], "identity": [str(hers.identity.pk)], "text": ["t"]}
    Desk(mallory, fields=dict(fields)).press("save", subject="mine")
    Desk(mallory, fields=dict(fields)).press("send", subject="mine", to="somebody@example.test")
    assert not OutboxMessage.objects.exclude(user=hers.outbox.user_id).exists()
    for raw in [*theirs.stored("Drafts"), *theirs.stored("Sent")]:
        assert SECRET.encode() not in raw
        assert b"v.png" not in raw
        assert hers.owner.address.encode() not in raw
    Desk(mallory, fields=theirs.new().fields).press("send", subject="mine", to="somebody@example.test")
    assert OutboxMessage.objects.exclude(user=hers.outbox.user_id).exists()
