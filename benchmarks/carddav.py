"""What programs cost: ``python -m benchmarks.carddav`` seeds an address book and asks as phones do, through HTTP.

    python -m benchmarks.carddav [--contacts 10000] [--database sqlite,mariadb]

Beside the time stand the first octets, what travels, and by how much the portal's largest memory has grown with the
request: it must not follow the number of contacts.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import re
import sys
import time
from collections.abc import Iterator, Sequence
from http.client import HTTPConnection
from pathlib import Path

from benchmarks.people import LOGIN, database
from tests.support.site import Site, running_site

SPACES = 'xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav"'
PROPFIND = f"<propfind {SPACES}><prop><getetag/><getcontenttype/><resourcetype/></prop></propfind>"
SYNC = f"<sync-collection {SPACES}><sync-token>%s</sync-token><prop><getetag/></prop></sync-collection>"
QUERY = f"<C:addressbook-query {SPACES}><prop><getetag/>%s</prop><C:filter>%s</C:filter></C:addressbook-query>"
NAMED = '<C:prop-filter name="EMAIL"><C:text-match>person77@</C:text-match></C:prop-filter>'
SEED = """
from benchmarks.people import fill; fill(%d)
from django.contrib.auth import get_user_model
from apps.auth.factors import app_passwords
from apps.contacts.models import Book
user = get_user_model().objects.get(login=%r)
print("seeded", user.pk, Book.objects.get(owner=user).pk, app_passwords.make(user, name="bench"))
"""


def largest(site: Site) -> int:
    """KB of the portal's web process, at its largest so far."""
    children = Path(f"/proc/{site.pid}/task/{site.pid}/children").read_text().split()
    sizes = [re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()) for pid in children]
    return max(int(size[1]) for size in sizes if size)


def ask(site: Site, secret: str, method: str, path: str, body: str, depth: str = "") -> tuple[str, bytes]:
    """(a line of figures, the answer)."""
    before, connection = largest(site), HTTPConnection("127.0.0.1", int(site.environment["PORT"]), timeout=300)
    headers = {
        "Authorization": f"Basic {secret}",
        "Content-Type": "application/xml",
        "Host": f"localhost:{site.environment['PORT']}",
    }
    with contextlib.closing(connection):
        started = time.perf_counter()
        connection.request(method, path, body, headers | ({"Depth": depth} if depth else {}))
        answer = connection.getresponse()
        first = answer.read(1)
        begun = time.perf_counter() - started
        whole = first + answer.read()
        taken = time.perf_counter() - started
    assert answer.status == 207, (answer.status, whole[:400])
    grown = (largest(site) - before) / 1024
    return f"{begun * 1000:>9.0f}{taken * 1000:>9.0f}{len(whole) / 2**20:>9.2f}{grown:>9.1f}", whole


def report(site: Site, count: int) -> Iterator[str]:
    seeded = site.manage("shell", "--no-imports", "-c", SEED % (count, LOGIN)).split("seeded")[1].split()
    secret = base64.b64encode(f"{LOGIN}:{seeded[2]}".encode()).decode()
    book = f"/contacts/dav/{seeded[0]}/books/b{seeded[1]}/"
    yield f"{'':<34}{'first':>9}{'whole':>9}{'MB':>9}{'grown':>9}   ms, ms, MB, MB; {count:,} contacts"
    line, _whole = ask(site, secret, "PROPFIND", book, PROPFIND, "0")
    yield f"  {'the first question ever':<32}{line}"
    line, _whole = ask(site, secret, "PROPFIND", book, PROPFIND, "1")
    yield f"  {'PROPFIND, all ETags':<32}{line}"
    line, whole = ask(site, secret, "REPORT", book, SYNC % "")
    yield f"  {'sync-collection, the first':<32}{line}"
    found = re.search(rb"sync-token>([^<]+)", whole)
    assert found
    line, _whole = ask(site, secret, "REPORT", book, SYNC % found[1].decode())
    yield f"  {'sync-collection, nothing new':<32}{line}"
    hrefs = re.findall(rb"<D:href>([^<]+\.vcf)</D:href>", whole)
    named = "".join(f"<href>{href.decode()}</href>" for href in hrefs)
    multiget = (
        f"<C:addressbook-multiget {SPACES}><prop><getetag/><C:address-data/></prop>{named}</C:addressbook-multiget>"
    )
    line, _whole = ask(site, secret, "REPORT", book, multiget)
    yield f"  {f'multiget of {len(hrefs):,}':<32}{line}"
    line, _whole = ask(site, secret, "REPORT", book, QUERY % ("<C:address-data/>", ""))
    yield f"  {'query, all cards':<32}{line}"
    line, _whole = ask(site, secret, "REPORT", book, QUERY % ("", NAMED))
    yield f"  {'query, one by address':<32}{line}"


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.carddav", description=__doc__)
    parser.add_argument("--contacts", type=int, default=10_000)
    parser.add_argument("--database", default="sqlite,mariadb")
    chosen = parser.parse_args(arguments)
    for name in chosen.database.split(","):
        with database(name) as settings, running_site(PORTAL_APPS="contacts", **settings) as site:
            for line in (f"--- {name} ---", *report(site, chosen.contacts)):
                print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
