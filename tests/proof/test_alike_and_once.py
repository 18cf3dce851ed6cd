"""Known and unknown names take as long, and a code that many bring at once is heard once.

A sample in each run; 200 of each name, and 1,000 posts, in `make soak`.
"""

from __future__ import annotations

import statistics
import threading
import time

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client

from apps.auth.factors import codes, gate, ways
from apps.auth.factors.models import CodeDevice, Rule
from apps.auth.models import User
from portal.accounts import external_user
from tests.auth.proving import KEY, app_of, asked, carol, first, patient

__all__ = ["asked", "carol", "patient"]  # the fixtures
AT_ONCE = 5
#: By the issue.
MOST = 0.010


def taken(clock, way: str, login: str) -> tuple[float, bytes]:
    client = Client()
    started = clock()
    answer = first(client, way, "000000", login)
    return clock() - started, answer.status_code


@pytest.mark.parametrize(
    ("rounds", "clock"),
    [(10, time.thread_time), pytest.param(200, time.perf_counter, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])],
)
def test_names_take_as_long(carol: User, asked: Rule, settings, rounds: int, clock) -> None:
    """Turn by turn, so that whatever else the machine does falls on both."""
    settings.PASSWORD_HASHERS = ["portal.hashers.Argon2idHasher"]
    app_of(carol)
    carol.set_password("portal password")
    carol.save()
    codes.new_sheet(carol)
    for way in (ways.CODE, ways.RECOVERY, ways.INVITATION, ways.PASSWORD):
        seconds: dict[str, list[float]] = {"carol": [], "nobody": []}
        for _ in range(rounds):
            for login, found in seconds.items():
                spent, status = taken(clock, way, login)
                assert status == 403
                found.append(spent)
            cache.clear()
        known, unknown = (statistics.median(found) for found in seconds.values())
        print(f"{way}: {rounds} each, known {known * 1000:.2f} ms, unknown {unknown * 1000:.2f} ms (medians)")
        assert abs(known - unknown) < MOST, way


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", [ways.TOTP, ways.HOTP])
@pytest.mark.parametrize("rounds", [3, pytest.param(100, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])])
def test_of_posts_at_once_one_passes(kind: str, rounds: int) -> None:
    user = external_user(source="test", server="mail.example.test", login="carol")
    Rule.objects.create(title="everybody", needs="code")
    card = CodeDevice(user=user, kind=kind, name="card")
    card.put_key(KEY)
    card.save()
    heard: list[bool] = []
    for _ in range(rounds):
        if kind == ways.TOTP:  # what was used in this half minute may be used again
            CodeDevice.objects.update(counter=0)
            code = codes.code_at(KEY, int(time.time()) // 30)
        else:
            code = codes.code_at(KEY, CodeDevice.objects.get().counter)
        heard += posted_at_once(code)
    print(f"{kind}: {rounds * AT_ONCE} posts, {AT_ONCE} at once with one code each time: {sum(heard)} passed")
    assert len(heard) == rounds * AT_ONCE
    assert sum(heard) == rounds


def posted_at_once(code: str) -> list[bool]:
    """Whether each of the posts has passed."""
    ready, passed = threading.Barrier(AT_ONCE), []

    def post() -> None:
        client = Client()
        client.get("/sign-in/")
        ready.wait(30)
        answer = first(client, "code", code)
        passed.append(answer.status_code == 302 and bool(client.session[gate.ON_THE_WAY]["passed"]))
        connection.close()

    threads = [threading.Thread(target=post) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    cache.clear()
    return passed
