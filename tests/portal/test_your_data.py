"""What the portal keeps of a person, over all apps that are there: counted, exported whole, removed whole.

Rows of a person are planted in every table that an app claims; a model that none claims fails the first test.
"""

from __future__ import annotations

import io
import json
import time
import zipfile
from pathlib import Path

import pytest
from django.apps import apps as django_apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.core.management import CommandError, call_command
from django.db import IntegrityError
from django.http import HttpResponseBase
from django.test import Client
from django.utils import translation

from apps.auth.factors.gate import PASSED
from apps.auth.models import AuditEvent, CodeDevice, User
from portal import your_data
from portal.accounts import external_user
from portal.models import Notice, Session
from portal.registry import Holding, PortalApp, Table, get_registry
from portal.testing import override_registry
from tests.support.people import PASSWORD
from tests.support.planting import WORD, Planter, found, tables

#: Tables that know of no person, and why.
NO_PERSON = {
    "portal.workerping": "a question of the self-test",
    "portal_auth.rule": "what the site asks for",
    "portal_prefs.preferencedefault": "what the site sets",
    "mail.sendinglimit": "what the site sets",
    "mail.sharedtemplate": "written by administrators",
    "mail.sharedtemplate_groups": "of the site",
    "contacts.rules": "what the site sets",
    "spellcheck.siteword": "written by administrators",
    "portal_auth.directorygroup": "which groups of the directory feed which of the site",
    "auth.group": "of the site; who is in it is a table of its own",
    "auth.permission": "made by migrate",
    "auth.group_permissions": "of the site",
    "contenttypes.contenttype": "made by migrate",
}
#: Nothing that somebody could write stands in their rows: numbers, dates and ways from row to row.
WITHOUT_TEXT = {
    "portal.noticedismissal",
    "portal_auth.user_groups",
    "portal_auth.user_user_permissions",
    "contacts.collection",
    "contacts.favourite",
    "contacts.hidden",
    "contacts.owncard",
    "contacts.share",
    "contacts.different",
    "contacts.member",
}
#: Ways from somebody else's row that lead to a person: it goes with the account (CASCADE), and not before.
OF_OTHERS = {"contacts.share.user": "what others share with them"}
#: Where something of a person stays, and why.
STAYS = {"portal_auth.auditevent": "security: for AUDIT_DAYS"}


@pytest.fixture
def kanarie(db: None) -> User:
    return external_user(source="imap", server="mail.example.test", login=WORD, email=f"{WORD}@example.test")


@pytest.fixture
def planted(kanarie: User, bob: User) -> User:
    Planter(kanarie, bob).plant()
    return kanarie


def opened(octets: bytes) -> zipfile.ZipFile:
    archive = zipfile.ZipFile(io.BytesIO(octets))
    assert archive.testzip() is None
    return archive


def of(answer: HttpResponseBase) -> zipfile.ZipFile:
    assert answer.streaming
    return opened(b"".join(answer.streaming_content))


def archive_of(user: User, *, present: bool = True) -> zipfile.ZipFile:
    return opened(b"".join(your_data.archive(user, present=present)))


def proved(login: str = "alice") -> Client:
    """Signed in a moment ago, which is a proof."""
    client = Client()
    assert client.post("/sign-in/", {"username": login, "password": PASSWORD}).status_code == 302
    return client


def a_while_ago(client: Client, seconds: int = 3600) -> Client:
    """The proof with which they came in is not fresh any more."""
    session = client.session
    session[PASSED] = session[PASSED] | {"at": time.time() - seconds}
    session.save()
    return client


# --- whole ----------------------------------------------------------------------------------------------------------


def unclaimed() -> list[str]:
    claimed = {table.model for table in tables()}
    labels = {model._meta.label_lower for model in django_apps.get_models(include_auto_created=True)}
    return sorted(labels - claimed - NO_PERSON.keys())


def test_every_model_is_claimed_by_an_app_or_knows_no_person() -> None:
    assert unclaimed() == []


def test_an_app_that_forgets_a_table_fails_that_test() -> None:
    less = [
        PortalApp(id=app.id, title=app.title, holdings=tuple(h for h in app.holdings if h.id != "prefs.values"))
        for app in get_registry().apps
    ]
    with override_registry(*less):
        assert unclaimed() == ["portal_prefs.preference"]


def test_every_way_from_a_row_to_a_person_is_claimed() -> None:
    people = get_user_model()
    forgotten = []
    for model in django_apps.get_models(include_auto_created=True):
        label = model._meta.label_lower
        owners = {table.owner.partition("__")[0] for table in tables() if table.model == label}
        for field in model._meta.concrete_fields:
            if field.related_model is people and field.name not in owners:
                forgotten.append(f"{label}.{field.name}")
    assert [way for way in forgotten if way not in OF_OTHERS] == []


def test_tables_are_what_they_say() -> None:
    for table in tables():
        model = django_apps.get_model(table.model)
        assert table.model == model._meta.label_lower
        for name in (*table.clear, *table.secret):
            assert name in {field.attname for field in model._meta.concrete_fields} | {
                field.name for field in model._meta.concrete_fields
            }
        assert not table.clear or table.clear[0] == table.owner  # or what was cleared would be found again for ever


def test_what_the_site_says_that_stays_is_kept_and_nothing_else() -> None:
    assert {table.model for table in tables() if table.keep} == STAYS.keys()


# --- out ------------------------------------------------------------------------------------------------------------


def test_the_export_has_every_row_of_theirs_and_none_of_others(planted: User, bob: User) -> None:
    archive = archive_of(planted)
    for app, holding in your_data.holdings():
        for table in holding.tables:
            name = f"{app.id}/{your_data._file_name(table)}"
            if table.derived:
                assert name not in archive.namelist()
                continue
            rows = json.loads(archive.read(name))
            assert len(rows) == your_data.rows(table, planted).count() > 0, name
            shown = {key for row in rows for key in row}
            assert not shown & {*table.secret, "password", "session_key", "sealed"}, name
    whole = b"".join(archive.read(name) for name in archive.namelist())
    assert whole.count(WORD.encode()) > len(tables())
    assert bob.email.encode() not in whole and b"argon2" not in whole


def test_programs_find_every_file_in_the_index(planted: User) -> None:
    archive = archive_of(planted)
    index = json.loads(archive.read("index.json"))
    assert index["format"] == your_data.FORMAT and WORD.casefold() in index["person"]
    listed = [file["name"] for file in index["files"]]
    assert sorted([*listed, "README.txt", "index.json"]) == sorted(archive.namelist())
    assert {file["holding"] for file in index["files"]} <= get_registry().holdings.keys()


def test_the_readme_is_in_their_language_whenever_it_is_written(planted: User) -> None:
    with translation.override("de"):
        pieces = your_data.archive(planted, present=True)
    text = opened(b"".join(pieces)).read("README.txt").decode()
    with translation.override("de"):
        assert text == your_data.readme(planted, present=True) != ""
    assert "prefs/" in text


def test_a_large_table_is_written_piece_by_piece(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(your_data, "PAGE", 7)
    text = "".join(chr(33 + number * 7919 % 5000) for number in range(900))
    Notice.objects.bulk_create(
        Notice(title=f"{number}", text=f"{number}{text[number:]}", user=alice) for number in range(300)
    )
    pieces = list(your_data.archive(alice, present=True))
    assert len(pieces) > 3 and max(map(len, pieces)) < 2 * your_data.PIECE
    rows = json.loads(opened(b"".join(pieces)).read("portal/notice.json"))
    assert [row["title"] for row in rows] == [str(number) for number in range(300)]


def test_names_of_files_are_harmless_and_each_is_there_once() -> None:
    names = your_data._Names()
    assert names.new("contacts/vcards/Friends.vcf") == "contacts/vcards/Friends.vcf"
    assert names.new("contacts/vcards/friends.vcf") == "contacts/vcards/friends-2.vcf"
    assert names.new("contacts/../..\\x:y\n.vcf") == "contacts/_/_x_y_.vcf"
    assert names.new("contacts/notes") == "contacts/notes"
    assert names.new("contacts/notes") == "contacts/notes-2"


# --- gone -----------------------------------------------------------------------------------------------------------


def where() -> set[str]:
    return {place.rpartition(".")[0] for place in found()} - STAYS.keys()


def test_nothing_is_left_of_them_but_what_is_said_to_stay(planted: User, bob: User) -> None:
    texts = {place.rpartition(".")[0] for place in found()}
    assert {table.model for table in tables()} - texts <= WITHOUT_TEXT
    pk, others = planted.pk, {table.model: your_data.rows(table, bob).count() for table in tables() if not table.clear}
    your_data.remove(planted, account=True)
    assert where() == set()
    assert {table.model: your_data.rows(table, bob).count() for table in tables() if not table.clear} == others
    assert not User.objects.filter(pk=pk).exists() and User.objects.filter(pk=bob.pk).exists()
    assert AuditEvent.objects.filter(kind="data_removed", user=None, login=WORD.casefold()).exists()


def test_the_account_can_stay_with_what_was_granted_to_it(planted: User) -> None:
    password, groups = planted.password, set(planted.groups.values_list("name", flat=True))
    assert groups == {"staff"}
    your_data.remove(planted, account=False)
    planted.refresh_from_db()
    assert planted.password == password and set(planted.groups.values_list("name", flat=True)) == groups
    for table in tables():
        left = your_data.rows(table, planted).exists()
        assert left == (table.with_account or table.keep), table


def test_administrators_log_forgets_the_names_and_keeps_what_was_done(alice: User, admin_user: User) -> None:
    about = ContentType.objects.get_for_model(User)
    common = {"user": admin_user, "content_type": about, "action_flag": CHANGE, "change_message": "of alice"}
    LogEntry.objects.create(object_id=str(alice.pk), object_repr="alice", **common)
    LogEntry.objects.create(object_id=str(admin_user.pk), object_repr="root", **common)
    pk = alice.pk
    your_data.remove(alice, account=True)
    entries = LogEntry.objects.order_by("pk").values_list("object_repr", "change_message")
    assert list(entries) == [(f"#{pk}", ""), ("root", "of alice")]


def test_cards_go_back_to_the_administration(alice: User) -> None:
    card = CodeDevice(kind="hotp", serial="4711", user=alice, name="my card")
    card.put_key(b"k" * 20)
    card.save()
    your_data.remove(alice, account=False)
    card.refresh_from_db()
    assert (card.user, card.name, card.serial) == (None, "", "4711")


def test_all_or_nothing(alice: User, as_alice: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    Notice.objects.create(title="x", user=alice)

    def fails(user: object) -> None:
        raise IntegrityError

    last = Holding(
        id="dummy.last", label="x", before=None, tables=(Table(model="portal.notice", owner="nobody"),), order=9999
    )
    broken = PortalApp(id="dummy", title="x", holdings=(Holding(id="dummy.x", label="x", before=fails, order=1), last))
    with override_registry(*get_registry().apps, broken), pytest.raises(your_data.NotRemoved):
        your_data.remove(alice, account=True)
    assert Notice.objects.filter(user=alice).exists() and Session.objects.filter(user=alice).exists()


# --- by page --------------------------------------------------------------------------------------------------------


def test_whatever_there_is_of_a_person_is_counted_somewhere(planted: User) -> None:
    shown = {count.holding.id for count in your_data.counts(planted)}
    assert shown == {holding.id for _app, holding in your_data.holdings() if holding.tables}


def test_the_page_says_what_is_kept(as_alice: Client, alice: User) -> None:
    Notice.objects.create(title="x", user=alice)
    page = as_alice.get("/your-data/").content.decode()
    for count in your_data.counts(alice):
        assert str(count.holding.label) in page
    assert page.count("1 entry") >= 2  # the notice, and the session


def test_both_want_a_fresh_proof(alice: User) -> None:
    client = a_while_ago(proved())
    for address in ("/your-data/export/", "/your-data/remove/"):
        for answer in (client.get(address), client.post(address, {"sure": "on"})):
            assert (
                answer.status_code == 302 and answer["Location"] == f"/auth/prove/?next={address.replace('/', '%2F')}"
            )
    assert Session.objects.filter(user=alice).exists()
    proof = {"way": "password", "password": PASSWORD, "next": "/your-data/export/"}
    assert client.post("/auth/prove/", proof)["Location"] == "/your-data/export/"
    assert client.get("/your-data/export/").status_code == 200


def test_a_stolen_session_without_the_key_exports_and_removes_nothing(carol: User) -> None:
    client = Client()
    client.force_login(carol)
    session = client.session
    session["portal.credentials"] = ["AAAA", "AAAA", "AAAA"]
    session[PASSED] = {"ways": ["code"], "at": time.time()}
    session.save()
    for answer in (client.post("/your-data/export/"), client.post("/your-data/remove/", {"sure": "on"})):
        assert not answer.streaming and "portal_password" in answer.content.decode()
    assert User.objects.filter(pk=carol.pk).exists()


def test_the_file_is_theirs_told_to_them_and_kept_nowhere(alice: User, settings) -> None:
    before = set(Path(settings.DATA_DIR).rglob("*.zip"))
    answer = proved().post("/your-data/export/")
    assert answer["Content-Type"] == "application/zip" and "no-store" in answer["Cache-Control"]
    assert answer["Content-Disposition"].startswith('attachment; filename="yurt-alice-')
    archive = of(answer)
    [account] = json.loads(archive.read("auth/user.json"))
    assert account["login"] == "alice" and account["email"] == alice.email and "password" not in account
    assert set(Path(settings.DATA_DIR).rglob("*.zip")) == before
    assert AuditEvent.objects.filter(kind="data_exported", user=alice).exists()
    assert Notice.objects.filter(user=alice, title__contains="exported").exists()


def test_removal_asks_first_then_ends_every_session(alice: User, bob: User) -> None:
    client, elsewhere, bobs = proved(), proved(), proved("bob")
    Notice.objects.create(title="x", user=alice)
    page = client.get("/your-data/remove/").content.decode()
    for text in your_data.stays():
        assert text in page
    going = page.partition('id="goes"')[2].partition('id="stays"')[0]
    assert ">Notices for you<" in going and ">Sessions<" in going
    assert ">Audit log<" not in going and ">Account<" not in going.replace('<h2 class="sect">Account<', "")
    assert client.post("/your-data/remove/").status_code == 422
    assert Notice.objects.filter(user=alice, title="x").exists()
    answer = client.post("/your-data/remove/", {"sure": "on"})
    assert answer.status_code == 200 and "Your data is removed" in answer.content.decode()
    assert not Notice.objects.filter(user=alice).exists()
    assert not Session.objects.filter(user=alice).exists()
    assert [each.get("/your-data/").status_code for each in (client, elsewhere, bobs)] == [302, 302, 200]
    # an account of the portal's own is the administrators': it stays, and its owner begins anew
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD) and proved().get("/").status_code == 200


def test_an_account_that_lies_elsewhere_goes_as_well(carol: User) -> None:
    client = Client()
    client.force_login(carol)
    session = client.session
    session[PASSED] = {"ways": ["code"], "at": time.time()}
    session.save()
    page = client.get("/your-data/remove/").content.decode()
    assert "you begin anew" in page and "Administrators have made it" not in page
    assert client.post("/your-data/remove/", {"sure": "on"}).status_code == 200
    assert not User.objects.filter(login="carol").exists()


# --- by command -----------------------------------------------------------------------------------------------------


def test_the_command_exports_for_administrators_alone(alice: User, tmp_path: Path) -> None:
    target = tmp_path / "alice.zip"
    call_command("export_user", "alice", "--out", str(target))
    assert target.stat().st_mode & 0o777 == 0o600
    assert "auth/user.json" in opened(target.read_bytes()).namelist()
    assert Notice.objects.filter(user=alice, title__contains="exported").exists()
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("export_user", "alice", "--out", str(target))
    with pytest.raises(CommandError, match="Nobody has signed in"):
        call_command("export_user", "nobody", "--out", str(tmp_path / "x"))


def test_the_command_writes_to_standard_output(alice: User, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    call_command("export_user", "alice", "--out", "-")
    assert "index.json" in opened(capfdbinary.readouterr().out).namelist()


def test_the_command_tells_first_and_removes_when_told_to(alice: User, capsys: pytest.CaptureFixture[str]) -> None:
    Notice.objects.create(title="x", user=alice)
    call_command("remove_user", "alice")
    told = capsys.readouterr().out
    assert "portal.notices: 1" in told and "Nothing was removed" in told and Notice.objects.filter(user=alice).exists()
    call_command("remove_user", "alice", "--keep-account", "--yes")
    assert User.objects.filter(login="alice").exists() and not Notice.objects.filter(user=alice).exists()
    call_command("remove_user", "alice", "--yes")
    assert not User.objects.filter(login="alice").exists()


def test_who_is_locked_out_does_not_come_in_again_as_somebody_new(carol: User) -> None:
    User.objects.filter(pk=carol.pk).update(is_active=False)
    with pytest.raises(CommandError, match="keep-account"):
        call_command("remove_user", "carol", "--yes")
    call_command("remove_user", "carol", "--keep-account", "--yes")
    assert not User.objects.get(pk=carol.pk).is_active
