"""What a front does with the authority's files: nginx lets people in by root.pem and crl.pem, and hands over whose."""

from __future__ import annotations

import http.client
import shutil
import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from cryptography import x509

from apps.auth.certificates import services, store
from apps.auth.models import User
from scripts.servers.base import Workdir
from scripts.servers.nginx import Nginx
from tests.auth.certificates.test_authority import written
from tests.support.servers import need

FILES = ("portal.pem", "portal.key", "root.pem", "crl.pem")


class Front(Nginx):
    """Answers with what it would hand over."""

    def configure(self) -> None:
        folder = self.directory / "nginx"
        folder.mkdir()
        temporary = "".join(
            f"{kind}_temp_path {folder}/{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (folder / "nginx.conf").write_text(f"""
            daemon off; pid {folder}/pid; error_log stderr warn; events {{}}
            http {{
              access_log off; {temporary}
              server {{
                listen 127.0.0.1:{self.port} ssl;
                ssl_certificate {folder}/portal.pem; ssl_certificate_key {folder}/portal.key;
                ssl_client_certificate {folder}/root.pem; ssl_crl {folder}/crl.pem; ssl_verify_client optional;
                add_header X-Verified $ssl_client_verify always;
                add_header X-Certificate $ssl_client_escaped_cert always;
                return 204;
              }}
            }}""")
        self.load()

    def load(self) -> None:
        for name in FILES:
            shutil.copy(store.folder() / name, self.directory / "nginx" / name)
        self.workdir.own()

    def asked(self, certificate: Path | None = None) -> tuple[int, str, User | None]:
        """The answer to a person with this certificate, what nginx thinks of it, and whose it is to the portal."""
        trust = ssl.create_default_context(cafile=store.root_file())
        if certificate is not None:
            trust.load_cert_chain(certificate)
        connection = http.client.HTTPSConnection("localhost", self.port, context=trust, timeout=30)
        try:
            connection.request("GET", "/")
            answer = connection.getresponse()
            pem = unquote(answer.headers.get("X-Certificate", ""))
            return answer.status, answer.headers["X-Verified"], services.owner_of(pem)
        finally:
            connection.close()


@pytest.fixture
def front(authority: x509.Certificate) -> Iterator[Front]:
    need(Nginx)
    services.portal_certificate()
    workdir = Workdir.create()
    server = Front(workdir, behind=0)
    try:
        server.configure()
        server.start()
        yield server
    finally:
        server.stop()
        workdir.remove()


def test_nginx_lets_people_in_and_hands_over_whose_it_is(front: Front, alice: User, bob: User, tmp_path: Path) -> None:
    lost, kept = services.issue_client(user=alice), services.issue_client(user=bob)
    lost_file, kept_file = (written(packed, tmp_path) for packed in (lost, kept))
    assert front.asked() == (204, "NONE", None)
    assert front.asked(lost_file) == (204, "SUCCESS", alice)
    services.revoke(lost.row)
    assert front.asked(lost_file) == (204, "SUCCESS", None)  # the portal knows before the front has the new list
    front.load()
    front.restart()
    assert front.asked(lost_file) == (400, "FAILED:certificate revoked", None)
    assert front.asked(kept_file) == (204, "SUCCESS", bob)
