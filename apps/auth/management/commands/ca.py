from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.auth.certificates import authority, services, store
from apps.auth.certificates.models import IssuedCertificate
from apps.auth.certificates.store import AuthorityError
from portal.management import people


class Command(BaseCommand):
    help = "The site's own authority: certificates for its servers and its people, and the list of revoked ones."

    def add_arguments(self, parser: ArgumentParser) -> None:
        tasks = parser.add_subparsers(dest="task", required=True)
        tasks.add_parser("init", help="make the authority, once")
        server = tasks.add_parser("server", help="a certificate for a server: the portal's front, IMAP, LDAP, database")
        server.add_argument("names", nargs="+", metavar="NAME", help="host name or address; the first names the file")
        server.add_argument("--days", type=int, default=authority.SERVER_DAYS)
        client = tasks.add_parser("client", help="a certificate for a person, as a PKCS#12 file with its password")
        people.add_arguments(client)
        client.add_argument("--device", default="", help="what it is for: Laptop")
        client.add_argument("--days", type=int, default=authority.CLIENT_DAYS)
        client.add_argument("--out", type=Path, help="where to write it; LOGIN.p12 in this folder if left out")
        revoke = tasks.add_parser("revoke", help="call a certificate back")
        revoke.add_argument("serial", help="its serial number, as `ca list` shows it")
        tasks.add_parser("crl", help="write the list of revoked certificates anew")
        tasks.add_parser("list", help="what was issued")

    def handle(self, *args: Any, task: str, **options: Any) -> None:
        try:
            getattr(self, f"_{task}")(options)
        except AuthorityError as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}") from None

    def _init(self, options: dict[str, Any]) -> None:
        root = services.init()
        self.stdout.write(f"{store.root_file()}\nSHA-256 {authority.fingerprint(root)}")

    def _server(self, options: dict[str, Any]) -> None:
        path = services.issue_server(names=options["names"], days=options["days"])
        self.stdout.write(f"{path}\n{path.with_suffix('.key')}")

    def _client(self, options: dict[str, Any]) -> None:
        user = people.find(options["login"], server=options["server"], local=options["local"])
        path: Path = options["out"] or Path(f"{user.login.replace('/', '_')}.p12")
        packed = services.issue_client(user=user, device=options["device"], days=options["days"])
        store.put(path, packed.file)
        self.stdout.write(f"{path}\npassword {packed.password}   (shown this once)\nserial   {packed.row.serial}")

    def _revoke(self, options: dict[str, Any]) -> None:
        serial = options["serial"].replace(":", "").lower().lstrip("0")
        row = IssuedCertificate.objects.filter(serial=serial).first()
        if row is None:
            raise CommandError(f"Nothing was issued with the serial number {options['serial']}.")
        services.revoke(row)
        self.stdout.write(f"Revoked. Let the web server read {store.crl_file()} again.")

    def _crl(self, options: dict[str, Any]) -> None:
        self.stdout.write(str(services.renew_crl()))

    def _list(self, options: dict[str, Any]) -> None:
        for row in IssuedCertificate.objects.order_by("issued"):
            state = f"revoked {row.revoked:%Y-%m-%d}" if row.revoked else f"until {row.expires:%Y-%m-%d}"
            self.stdout.write(f"{row.serial:40} {row.kind:6} {state:18} {row.subject} {row.device}".rstrip())
