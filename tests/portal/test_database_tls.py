"""A database on another machine is spoken to with TLS; what is refused, tests/portal/test_bad_tls.py shows."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from django.db.utils import ConnectionHandler

from portal.databases import database
from scripts.servers.mariadb import MariaDB

HERE = ["mysql://u:p@localhost/x", "mysql://u:p@127.0.0.1:3307/x", "mysql://u:p@[::1]/x", "mysql://u:p@/x"]
BEYOND = ["mysql://u:p@db.example.test/x", "mysql://u:p@10.0.0.1/x", "mysql://u:p@db.test/x?ssl_mode=DISABLED"]


def entry(url: str) -> dict[str, Any]:
    return database(Path("/data"))(url)


@pytest.mark.parametrize("url", HERE)
def test_on_this_machine_tls_is_not_asked_for(url: str) -> None:
    assert "ssl_mode" not in entry(url)["OPTIONS"]


@pytest.mark.parametrize("url", BEYOND)
def test_elsewhere_nothing_gets_around_it(url: str) -> None:
    assert entry(url)["OPTIONS"]["ssl_mode"] == "VERIFY_IDENTITY"


def test_an_authority_that_is_none_is_said() -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        entry("mysql://u:p@db.example.test/x?ssl-ca=/no/such/file.pem")


def test_a_real_server_is_spoken_to_with_tls(mariadb: MariaDB) -> None:
    found = entry(f"mysql://portal:secret@db.example.test:{mariadb.port}/portal?ssl-ca={mariadb.ca_file}")
    wrapper = ConnectionHandler({"default": found | {"HOST": "127.0.0.1"}})["default"]
    with contextlib.closing(wrapper.get_new_connection(wrapper.get_connection_params())) as connection:
        cursor = connection.cursor()
        cursor.execute("SHOW STATUS LIKE 'Ssl_version'")
        assert cursor.fetchone()[1] in {"TLSv1.2", "TLSv1.3"}
