"""What contacts cost: ``python -m benchmarks.people`` seeds an address book of 100,000 and asks through HTTP.

    python -m benchmarks.people [--contacts 100000] [--cards 50000] [--database sqlite,mariadb] [--rounds 200]

Completion is aimed at 50 ms for 95 of 100, a page of the list and a search likewise at 200 ms. The import is timed from
the file to the last row, in time and in the process's own processor time, with its largest memory beside it.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.browser import Browser
from scripts.servers.base import Workdir
from scripts.servers.dovecot import PASSWORD
from scripts.servers.mariadb import MariaDB
from tests.support.site import Site, running_site

LOGIN = "bench-people"
GIVEN = ("Anna", "Жанар", "José", "Björn", "Zoë", "Айгерим", "Łukasz", "立", "Γιώργος", "محمد", "Marta", "Ève", "Олег")
FAMILY = (
    "Adams",
    "Токоева",
    "Núñez",
    "Bergström",
    "Müller",
    "Wójcik",
    "陈",
    "Παπαδόπουλος",
    "الحسن",
    "Silva",
    "Исаева",
)
PREFIXES = (
    "a",
    "an",
    "zh",
    "жан",
    "mull",
    "müller b",
    "person1",
    "p5",
    "berg",
    "tok",
    "zzz",
    "ch",
    "anna adams",
    "nun",
)
PATHS = {
    "list, first page": "/contacts/",
    "list, page 500": "/contacts/?page=500&part=rows",
    "search, one word": "/contacts/?q=zhanar&part=rows",
    "search, part of a word": "/contacts/?q=ergstr&part=rows",
    "search, nobody": "/contacts/?q=nobodylikethis&part=rows",
    "search, one field": "/contacts/?f-name=zhanar&part=rows",
    "search, three fields": "/contacts/?f-org=station&f-phone=55500&f-without=photo&part=rows",
}


def fill(count: int) -> None:
    """An account with so many contacts, of whom it has written to two thousand. Runs within the site."""
    from django.contrib.auth import get_user_model
    from django.utils import timezone

    from apps.contacts.card import Value
    from apps.contacts.models import Correspondent
    from apps.contacts.services import correspondents, keeping

    chance = random.Random(7)
    user = get_user_model().objects.create_user(LOGIN, PASSWORD, email=f"{LOGIN}@example.test")
    book = keeping.default_book(user.pk, "Personal")
    for start in range(0, count, 1000):
        cards = []
        for number in range(start, min(start + 1000, count)):
            given, family = chance.choice(GIVEN), f"{chance.choice(FAMILY)}{chance.choice(['', '-Berg', 'son'])}"
            values = [Value("N", (family, given, "", "", "")), Value("FN", f"{given} {family}")]
            values += [Value("EMAIL", f"person{number}@d{number % 97}.example", ("work",))]
            values += [Value("TEL", f"+996 555 {number:06}", ("cell",)), Value("ORG", (f"Station {number % 300}",))]
            cards.append(("", values))
        keeping.create_many(book, cards, keeping.Doing(user))
    step = max(1, count // 2000)
    now = timezone.now()
    written = [f"person{number}@d{number % 97}.example" for number in range(0, count, step)]
    every = [Correspondent(user=user, key=key, uses=n % 9 + 1, last=now) for n, key in enumerate(written)]
    Correspondent.objects.bulk_create(every)
    for start in range(0, len(written), 500):
        correspondents.heat(user.pk, written[start : start + 500])


def take_in(count: int) -> None:
    """Import so many cards and say how long that took. Runs within the site."""
    import io
    import resource

    from django.contrib.auth import get_user_model

    from apps.contacts import tasks
    from apps.contacts.models import Undertaking
    from apps.contacts.services import importing, keeping

    user = get_user_model().objects.create_user(f"{LOGIN}-{count}", PASSWORD)
    file = io.BytesIO()
    for number in range(count):
        file.write(
            f"BEGIN:VCARD\r\nVERSION:3.0\r\nUID:u{number}\r\n"
            f"FN:Person {number} Токоева\r\nN:Токоева;Person {number};;;\r\n"
            f"EMAIL;TYPE=work:p{number}@d.example\r\nTEL;TYPE=cell:+996555{number:06}\r\nORG:Station {number % 300}\r\n"
            f"NOTE:Number {number}\\, of many\r\nX-OWN:{number}\r\nEND:VCARD\r\n".encode()
        )
    size = file.tell()
    file.seek(0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    book = keeping.default_book(user.pk, "Personal")
    whole = importing.begin(user.pk, file, name="many.vcf", size=size, book=book, existing="update")
    del file
    times = []
    for step in ("look", "take"):
        started, spent = time.monotonic(), time.process_time()
        Undertaking.objects.filter(pk=whole.pk).update(state="running")
        tasks.do_import(whole.pk, step)
        times.append((time.monotonic() - started, time.process_time() - spent))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    whole.refresh_from_db()
    print(
        f"{count:>9,} {size / 2**20:>7.1f} MB"
        + "".join(f" {lasted:>6.1f} s {spent:>6.1f} s" for lasted, spent in times)
        + f" {before / 1024:>8.0f} MB {after / 1024:>6.0f} MB  {whole.state}"
    )


@contextlib.contextmanager
def database(name: str) -> Iterator[dict[str, str]]:
    if name == "sqlite":
        yield {}
        return
    workdir = Workdir.create()
    server = MariaDB(workdir)
    try:
        server.configure()
        server.start()
        yield {"DATABASE_URL": server.url}
    finally:
        server.stop()
        workdir.remove()


def ask(browser: Browser, path: str, rounds: int) -> tuple[float, float]:
    """Milliseconds: median and 95th percentile."""
    times = []
    for number in range(rounds + 3):
        started = time.perf_counter()
        browser.get(path, fragment="part=rows" in path)
        if number >= 3:
            times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times), statistics.quantiles(times, n=20)[18]


def report(site: Site, chosen: argparse.Namespace) -> Iterator[str]:
    site.manage("shell", "--no-imports", "-c", f"from benchmarks.people import fill; fill({chosen.contacts})")
    browser = Browser(int(site.environment["PORT"]), LOGIN)
    yield f"{'':<28}{'median':>9}{'p95':>9}   ms, {chosen.contacts:,} contacts"
    every = [
        ask(browser, f"/complete/?q={'%20'.join(map(_quoted, prefix.split()))}", chosen.rounds) for prefix in PREFIXES
    ]
    for prefix, (median, p95) in zip(PREFIXES, every, strict=True):
        yield f"  complete {prefix!r:<17}{median:>9.1f}{p95:>9.1f}   {'met' if p95 <= 50 else 'NOT MET'} (50)"
    for name, path in PATHS.items():
        median, p95 = ask(browser, path, chosen.rounds // 4)
        yield f"  {name:<26}{median:>9.1f}{p95:>9.1f}   {'met' if p95 <= 200 else 'NOT MET'} (200)"
    yield f"{'cards':>9} {'size':>10} {'looked':>8} {'(cpu)':>8} {'taken':>8} {'(cpu)':>8} {'before':>11} {'most':>9}"
    for count in sorted({chosen.cards // 10, chosen.cards}):
        yield site.manage(
            "shell", "--no-imports", "-c", f"from benchmarks.people import take_in; take_in({count})"
        ).strip("\n")


def _quoted(text: str) -> str:
    from urllib.parse import quote

    return quote(text)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.people", description=__doc__)
    parser.add_argument("--contacts", type=int, default=100_000)
    parser.add_argument("--cards", type=int, default=50_000)
    parser.add_argument("--database", default="sqlite,mariadb")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--write", type=Path, help="a file for the table as well")
    chosen = parser.parse_args(arguments)
    lines = []
    for name in chosen.database.split(","):
        with database(name) as settings, running_site(PORTAL_APPS="contacts", **settings) as site:
            for line in (f"--- {name} ---", *report(site, chosen)):
                lines.append(line)
                print(line, flush=True)
    if chosen.write:
        chosen.write.write_text("\n".join(lines) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
