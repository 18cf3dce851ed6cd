from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portal import notices
from portal.credentials import Locked
from portal.models import HomeBlock, Notice
from portal.registry import Block, NavItem, PortalApp
from portal.testing import with_apps
from portal.views import home as views

pytestmark = pytest.mark.django_db
CUSTOMISE = "/?customise=1"


def breaks(request):
    raise RuntimeError("the server behind this block is gone")


def needs_password(request):
    raise Locked


def block(name: str, order: int, context=lambda request: {"notices": []}, **options) -> Block:
    return Block(
        id=f"demo.{name}",
        title=name.title(),
        template="portal/blocks/notices.html",
        context=context,
        order=order,
        **{"default": True} | options,
    )


@pytest.fixture
def apps() -> Iterator[None]:
    app = PortalApp(
        id="demo",
        title="Demo",
        blocks=(
            block("first", 1, lambda request: {"notices": [], "badge": "9", "link_url": "/all/", "link_label": "All"}),
            block("second", 2, width=2),
            block("broken", 3, breaks),
            block("spare", 4, default=False),
            block("staff", 5, visible=lambda request: request.user.is_staff),
        ),
        nav=(
            NavItem(id="demo.n", label="N", url_name="portal:home", badge=lambda request: "<3>"),
            NavItem(id="demo.bad", label="B", url_name="portal:home", badge=breaks),
        ),
    )
    with with_apps(app):
        yield


def shown(client: Client, url: str = "/") -> list[str]:
    return [card.block.id for card in client.get(url).context["cards"] if card.block.id.startswith("demo.")]


def arrange(client: Client, block: str, action: str) -> None:
    response = client.post(reverse("portal:arrange"), {"block": f"demo.{block}", "action": action})
    assert response.status_code == 302


@pytest.mark.usefixtures("apps")
def test_those_who_changed_nothing_see_the_default_blocks_and_no_app_is_asked(as_alice) -> None:
    response = as_alice.get("/")
    assert [card.block.id for card in response.context["cards"]][:3] == ["demo.first", "demo.second", "demo.broken"]
    page = response.content.decode()
    assert f'hx-get="{reverse("portal:block", args=["demo.first"])}"' in page
    assert "Good " in page and "Alice" in page
    assert 'content="0; url=/?all=1"' in page  # the way for browsers without scripts


@pytest.mark.usefixtures("apps")
def test_blocks_are_added_removed_moved_and_sized_one_row_each(as_alice, alice) -> None:
    with_others = [c.block.id for c in as_alice.get("/").context["cards"]]
    arrange(as_alice, "spare", "add")
    arrange(as_alice, "first", "remove")
    arrange(as_alice, "spare", "earlier")
    arrange(as_alice, "second", "width-3")
    assert {*shown(as_alice)} == {"demo.second", "demo.broken", "demo.spare"}
    assert shown(as_alice, CUSTOMISE).index("demo.second") == 0
    widths = {c.block.id: c.width for c in as_alice.get("/").context["cards"]}
    assert widths["demo.second"] == 3
    rows = HomeBlock.objects.filter(user=alice, block__startswith="demo.")
    assert rows.count() == 4
    assert rows.get(block="demo.first").shown is False
    assert len(with_others) <= HomeBlock.objects.filter(user=alice).count()


@pytest.mark.usefixtures("apps")
def test_moving_stops_at_the_ends(as_alice) -> None:
    before = shown(as_alice)
    arrange(as_alice, "first", "earlier")
    assert shown(as_alice) == before
    arrange(as_alice, "first", "later")
    assert shown(as_alice)[:2] == ["demo.second", "demo.first"]


@pytest.mark.usefixtures("apps")
def test_the_layout_is_everybodys_own_and_can_be_reset(as_alice, bob) -> None:
    before = shown(as_alice)
    arrange(as_alice, "first", "remove")
    other = Client()
    other.force_login(bob)
    assert shown(other) == before
    arrange(as_alice, "first", "reset")
    assert shown(as_alice) == before


def test_blocks_of_an_absent_app_wait_for_its_return(as_alice, alice) -> None:
    HomeBlock.objects.create(user=alice, block="gone.block", position=0, width=2)
    assert as_alice.get("/").status_code == 200
    assert HomeBlock.objects.filter(block="gone.block").exists()


@pytest.mark.usefixtures("apps")
def test_a_block_appears_by_itself_until_somebody_has_decided_about_it(as_alice, alice) -> None:
    arrange(as_alice, "first", "later")
    HomeBlock.objects.filter(user=alice, block="demo.second").delete()  # as if its app had come just now
    assert "demo.second" in shown(as_alice)


@pytest.mark.usefixtures("apps")
@pytest.mark.parametrize("data", [{"block": "demo.first", "action": "explode"}, {"block": "no.such", "action": "add"}])
def test_nonsense_changes_nothing(as_alice, data) -> None:
    assert as_alice.post(reverse("portal:arrange"), data).status_code == 404
    assert not HomeBlock.objects.exists()


@pytest.mark.usefixtures("apps")
def test_one_block_is_a_fragment_for_htmx_and_a_page_for_others(as_alice) -> None:
    url = reverse("portal:block", args=["demo.first"])
    fragment = as_alice.get(url, headers={"HX-Request": "true"}).content.decode()
    assert fragment.startswith("<section") and 'class="badge">9<' in fragment and 'href="/all/"' in fragment
    assert "<html" in as_alice.get(url).content.decode()


@pytest.mark.usefixtures("apps")
def test_a_failing_block_shows_its_own_error_with_the_reference_of_the_log(as_alice, caplog) -> None:
    response = as_alice.get(reverse("portal:block", args=["demo.broken"]), headers={"HX-Request": "true"})
    assert response.status_code == 200
    assert response["X-Request-Id"] in response.content.decode()
    assert "gone" not in response.content.decode()
    assert "block_failed" in caplog.text


def test_a_block_that_needs_the_password_asks_for_it(carol) -> None:
    client = Client()
    client.force_login(carol)
    with with_apps(PortalApp(id="demo", title="Demo", blocks=(block("locked", 1, needs_password),))):
        response = client.get(reverse("portal:block", args=["demo.locked"]), headers={"HX-Request": "true"})
        assert response.status_code == 401
        page = client.get("/?all=1").content.decode()
        assert "Your password is needed again" in page


@pytest.mark.usefixtures("apps")
def test_a_block_is_not_shown_to_those_it_is_not_for(as_alice, as_admin) -> None:
    url = reverse("portal:block", args=["demo.staff"])
    assert as_alice.get(url).status_code == 404
    assert as_admin.get(url).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_without_scripts_all_blocks_come_at_once_and_a_hanging_one_holds_nobody(as_alice, monkeypatch) -> None:
    never = threading.Event()
    app = PortalApp(
        id="demo",
        title="Demo",
        blocks=(block("hanging", 1, lambda request: {"x": never.wait()}), block("broken", 2, breaks), block("fine", 3)),
    )
    monkeypatch.setattr(views, "ALL_BUDGET", 0.5)
    try:
        with with_apps(app):
            page = as_alice.get("/?all=1").content.decode()
    finally:
        never.set()
    assert "This is taking too long just now." in page
    assert "This block could not be shown." in page
    assert "No notices at present." in page
    assert 'hx-trigger="load' not in page.split("<main")[1].split("</main")[0]


@pytest.mark.usefixtures("apps")
def test_badges_are_text_and_a_failing_one_is_empty(as_alice) -> None:
    assert as_alice.get(reverse("portal:badge", args=["demo.n"])).content == b"&lt;3&gt;"
    assert as_alice.get(reverse("portal:badge", args=["demo.bad"])).content == b""
    assert as_alice.get(reverse("portal:badge", args=["portal.home"])).status_code == 404


# --- notices -------------------------------------------------------------------------------------------------------


def titles(client: Client) -> list[str]:
    return [notice.title for notice in client.get("/").context["notices"]]


def test_notices_reach_those_they_are_for_while_they_hold(as_alice, alice, as_admin) -> None:
    now, staff, others = timezone.now(), Group.objects.create(name="Staff"), Group.objects.create(name="Others")
    alice.groups.add(staff)
    Notice.objects.create(title="everybody", level=Notice.Level.INFO)
    Notice.objects.create(title="urgent", level=Notice.Level.DANGER)
    Notice.objects.create(title="staff", audience=staff, level=Notice.Level.WARNING)
    Notice.objects.create(title="others", audience=others)
    Notice.objects.create(title="tomorrow", starts=now + timedelta(days=1))
    Notice.objects.create(title="over", starts=now - timedelta(days=2), ends=now - timedelta(days=1))
    assert titles(as_alice) == ["urgent", "staff", "everybody"]
    assert titles(as_admin) == ["urgent", "everybody"]


def test_a_dismissed_notice_is_gone_for_that_person_and_stays_in_the_block(as_alice, as_admin) -> None:
    notice = Notice.objects.create(title="Once")
    url = reverse("portal:dismiss_notice", args=[notice.pk])
    assert as_alice.post(url).status_code == 302
    assert as_alice.post(url, headers={"HX-Request": "true"}).content == b""  # twice is as good as once
    assert titles(as_alice) == []
    assert titles(as_admin) == ["Once"]
    assert "Once" in as_alice.get(reverse("portal:block", args=["portal.notices"])).content.decode()


def test_a_notice_that_has_to_be_seen_cannot_be_dismissed(as_alice) -> None:
    notice = Notice.objects.create(title="Stay", dismissible=False)
    assert as_alice.post(reverse("portal:dismiss_notice", args=[notice.pk])).status_code == 404
    assert titles(as_alice) == ["Stay"]


def test_administrators_write_notices_in_the_admin(as_admin, admin_user) -> None:
    data = {"title": "New", "level": 10, "starts_0": "2026-01-01", "starts_1": "08:00", "dismissible": "on", "text": ""}
    assert as_admin.post(reverse("admin:portal_notice_add"), data).status_code == 302
    assert Notice.objects.get().author == admin_user
    assert "New" in as_admin.get(reverse("admin:portal_notice_changelist")).content.decode()
    wrong = as_admin.post(reverse("admin:portal_notice_add"), data | {"ends_0": "2025-01-01", "ends_1": "08:00"})
    assert "must end after it starts" in wrong.content.decode()


def banner_of(client: Client, path: str = "/preferences/") -> str:
    html = client.get(path).content.decode()
    assert html.count('class="gbanner') <= 1
    return html.partition('<section class="gbanner')[2].partition("</section>")[0]


def test_an_urgent_notice_stands_over_every_page_and_once(as_alice) -> None:
    Notice.objects.create(title="Warned", level=Notice.Level.WARNING)
    assert banner_of(as_alice) == ""
    Notice.objects.create(title="Fire <b>drill</b>", text="Leave", level=Notice.Level.DANGER, url="https://x.test/")
    for path in ("/", "/preferences/", "/help/"):
        banner = banner_of(as_alice, path)
        assert "Fire &lt;b&gt;drill&lt;/b&gt;" in banner and "Leave" in banner and "https://x.test/" in banner, path
    home = as_alice.get("/").content.decode()
    assert home.count('<b dir="auto">Fire') == 1
    assert "Warned" in home
    assert "Fire" not in Client().get("/sign-in/").content.decode()


def test_the_banner_goes_when_it_is_put_away_over_or_deleted_and_is_for_its_audience(as_alice, as_admin) -> None:
    urgent = {"level": Notice.Level.DANGER}
    notice = Notice.objects.create(title="Fire", **urgent)
    url = reverse("portal:dismiss_notice", args=[notice.pk])
    assert as_alice.post(url, {"next": "/preferences/"}).url == "/preferences/"
    assert banner_of(as_alice) == ""
    assert "Fire" in banner_of(as_admin)
    notice.delete()
    assert banner_of(as_admin) == ""
    Notice.objects.create(title="Others", audience=Group.objects.create(name="others"), **urgent)
    Notice.objects.create(title="Later", starts=timezone.now() + timedelta(days=1), **urgent)
    assert banner_of(as_alice) == ""
    Notice.objects.create(title="Stays", dismissible=False, **urgent)
    assert "Stays" in banner_of(as_alice)
    assert "<form" not in banner_of(as_alice)


def test_a_page_without_an_urgent_notice_asks_for_one_once_a_minute(as_alice, django_assert_num_queries) -> None:
    cache.delete(notices.ANY_URGENT)
    with django_assert_num_queries(5):  # four of the page, and the question
        as_alice.get("/preferences/")
    with django_assert_num_queries(4):
        as_alice.get("/preferences/")


def test_a_page_stands_without_its_banner_where_the_cache_is_away(as_alice, monkeypatch) -> None:
    def broken(*args: object) -> None:
        raise ConnectionError("redis is gone")

    monkeypatch.setattr(notices.cache, "get", broken)
    assert as_alice.get("/preferences/").status_code == 200


# --- what it costs -------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("apps")
def test_the_page_makes_six_queries_however_much_stands_on_it(as_alice, django_assert_num_queries) -> None:
    for number in range(20):
        Notice.objects.create(title=f"Notice {number}")
    arrange(as_alice, "spare", "add")
    with django_assert_num_queries(6):  # session, user, own preferences, site defaults, layout, notices
        as_alice.get("/")


@pytest.mark.parametrize(("hour", "words"), [(4, "evening"), (5, "morning"), (12, "afternoon"), (18, "evening")])
def test_the_greeting_follows_the_clock(hour, words) -> None:
    assert words in views._greeting(hour)


def test_nobody_sees_the_home_page_without_signing_in(client) -> None:
    assert client.get("/").url.startswith(reverse("portal:sign_in"))
