"""Settings: each is typed, a wrong one is named with its cure, and the documented table is the code's."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from portal import conf, consistency, databases, envfile
from portal.selection import portal_apps

ROOT = Path(__file__).resolve().parents[2]
WRONG = {
    "ALLOWED_HOSTS": "https://mail.example.org",
    "ADMINS": "somebody",
    "ALLOW_PLAINTEXT": "perhaps",
    "AUDIT_DAYS": "0",
    "BASE_URL": "http://mail.example.org",
    "BROKER_URL": "carrier-pigeon://",
    "CACHE_URL": "redis://",
    "CONTACT_FILES": "some",
    "CONTACT_FILE_MB": "0",
    "CONTENT_HOST": "content.example.org",
    "DATABASE_URL": "postgres://localhost/portal",
    "DELEGATION_KEY": "short",
    "DIRECTORIES": "The Staff",
    "DEBUG": "perhaps",
    "HTTP_PORT": "http",
    "GEOIP_DATABASE": "/no/such/file.mmdb",
    "HELPDESK": "two\nlines",
    "IMAP_MAX_CONNECTIONS": "0",
    "IMAP_MAX_PER_ACCOUNT": "many",
    "IMAP_SEND_CLIENT_ADDRESS": "?",
    "IMAP_TLS_CA_FILE": "/no/such/file.pem",
    "IMAP_URL": "http://mail.example.org",
    "INSIDE_CA_FILE": "/no/such/file.pem",
    "INSIDE_NETWORKS": "the office",
    "LANGUAGE_CODE": "xx",
    "LDAP_BASE": "o=x\ny",
    "LDAP_BIND_DN": "cn=x\ny",
    "LDAP_DISABLED_FILTER": "disabled",
    "LDAP_GROUP_BASE": "o=x\ny",
    "LDAP_GROUP_FILTER": "groups",
    "LDAP_LOGIN_ATTRIBUTE": "(uid)",
    "LDAP_MAIL_ATTRIBUTE": "",
    "LDAP_NAME_ATTRIBUTE": "a b",
    "LDAP_TLS_CA_FILE": "/no/such/file.pem",
    "LDAP_URL": "http://ldap.example.org",
    "LDAP_USER_FILTER": "uid={login}",
    "LOG_FORMAT": "xml",
    "LOG_LEVEL": "loud",
    "MAIL_ADDRESS_RULE": "{name}@example.org",
    "MAIL_AUTHSERV_IDS": "mx.example.org; dmarc=pass",
    "MAIL_BACKENDS_FILE": "/no/such/file.toml",
    "MAIL_DOMAIN": "@example.org",
    "MAIL_LOGIN_RULE": "{name}",
    "MAP_URL": "https://maps.example.org/?q=place",
    "OWN_DOMAINS": "example.org, @example.net",
    "OTHER_ACCOUNTS": "perhaps",
    "OTHER_ACCOUNT_HOSTS": "example.org, @example.net",
    "MAX_MESSAGE_MB": "-1",
    "OIDC_CA_FILE": "/no/such/file.pem",
    "OIDC_CLIENT_ID": "yu\nrt",
    "OIDC_CLIENT_SECRET": "se\ncret",
    "OIDC_ISSUER": "http://id.example.org",
    "OIDC_LOGIN_CLAIM": "a b",
    "OIDC_NAME": "two\nlines",
    "OIDC_SCOPES": "profile email",
    "PORT": "70000",
    "PORTAL_APPS": "+nosuchapp",
    "SECRET_KEY": "short",
    "SERVER_EMAIL": "nonsense",
    "SENDER_ADDRESSES": "all",
    "SESSION_IDLE_MINUTES": "a while",
    "SESSION_IDLE_MINUTES_UNTRUSTED": "-5",
    "SESSION_MAX_HOURS": "0",
    "SIGN_IN": "oracle",
    "SESSION_MAX_HOURS_UNTRUSTED": "a day",
    "SITE_NAME": "two\nlines",
    "SMTP_AUTH": "maybe",
    "POP3_LOOK_SECONDS": "0",
    "POP3_STORE_MB": "lots",
    "POP3_TLS_CA_FILE": "/no/such/file.pem",
    "POP3_URL": "imaps://mail.example.org",
    "SMTP_TLS_CA_FILE": "/no/such/file.pem",
    "SMTP_URL": "imaps://mail.example.org",
    "TIME_ZONE": "Mars/Olympus",
    "TLS": "perhaps",
    "TRUSTED_PROXIES": "proxy.example.org",
    "WEB_THREADS": "1",
}


def manage(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name not in settings.CONFIG.defaults}
    clean |= {
        "PORTAL_APPS": os.environ.get("PORTAL_APPS", ""),
        "ENV_FILE": "",
        "DATA_DIR": os.environ["DATA_DIR"],
        "SECRET_KEY": "x" * 60,
    }
    clean["DJANGO_SETTINGS_MODULE"] = "portal.settings"
    return subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=ROOT, env=clean | environment, capture_output=True, text=True
    )


def test_every_wrong_value_is_named_at_once_and_nothing_breaks() -> None:
    result = manage("check", **WRONG)
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    for name in WRONG:
        assert re.search(rf"\(portal\.E001\) {name} is wrong\.\n\s+HINT: \S+", result.stderr), name


def test_the_web_process_refuses_to_start_in_plain_words() -> None:
    code = "import portal.wsgi"
    environment = os.environ | {"ENV_FILE": "", "PORT": "none", "DJANGO_SETTINGS_MODULE": "portal.settings"}
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stderr.strip() == "The settings are wrong:\n  PORT: write a whole number from 1 to 65535."


def test_the_right_values_are_no_problem() -> None:
    result = manage(
        "check",
        BASE_URL="https://example.org/webmail",
        TRUSTED_PROXIES="127.0.0.1, 10.0.0.0/8",
        DATABASE_URL="mysql://portal:secret@localhost/portal",
        CACHE_URL="redis://:secret@localhost/0",
        BROKER_URL="redis://:secret@localhost/1",
        IMAP_URL="imaps://mail.example.org",
        SMTP_URL="smtp+starttls://mail.example.org",
        SERVER_EMAIL="yurt@example.org",
        MAIL_ADDRESS_RULE="{local}@example.org",
    )
    assert (result.returncode, result.stderr) == (0, ""), result.stderr


SERVERS = {"IMAP_URL": "imaps://mail.example.org", "SMTP_URL": "smtps://mail.example.org", "MAIL_DOMAIN": "example.org"}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("IMAP_URL", {"IMAP_URL": "imap://mail.example.org"}),
        ("SMTP_URL", {"SMTP_URL": "smtp://192.0.2.1:25"}),
        ("IMAP_URL", {"IMAP_URL": ""}),
        ("SMTP_URL", {"SMTP_URL": ""}),
        ("SMTP_URL", {"SMTP_URL": "imaps://mail.example.org"}),
        ("SELFTEST_PASSWORD", {"SELFTEST_LOGIN": "tester"}),
        ("SELFTEST_LOGIN", {"SELFTEST_PASSWORD": "secret"}),
        ("LDAP_URL", {"LDAP_URL": "ldap://ldap.example.org", "LDAP_BASE": "o=x"}),
        ("LDAP_URL", {"SIGN_IN": "imap, ldap"}),
        ("LDAP_BASE", {"LDAP_URL": "ldaps://ldap.example.org"}),
        ("LDAP_BIND_PASSWORD", {"LDAP_BIND_DN": "cn=portal"}),
        ("LDAP_USER_FILTER", {"LDAP_LOGIN_ATTRIBUTE": "sAMAccountName"}),
        ("LDAP_USER_FILTER", {"LDAP_USER_FILTER": "(mail={login})"}),
        ("OIDC_ISSUER", {"SIGN_IN": "oidc"}),
        ("OIDC_CLIENT_ID", {"OIDC_ISSUER": "https://id.example.org"}),
        ("OIDC_ISSUER", {"OIDC_ISSUER": "https://id.example.org/?x=y", "OIDC_CLIENT_ID": "yurt"}),
        ("OIDC_ISSUER", {"OIDC_ISSUER": "https://me@id.example.org", "OIDC_CLIENT_ID": "yurt"}),
        ("OIDC_ISSUER", {"OIDC_ISSUER": "https://id.example.org/" + "x" * 200, "OIDC_CLIENT_ID": "yurt"}),
        ("SIGN_IN", {"SIGN_IN": "ldap ldap"}),
        ("IMAP_TLS_CA_FILE", {"IMAP_TLS_CA_FILE": "/etc/passwd"}),
        ("SMTP_TLS_CA_FILE", {"SMTP_TLS_CA_FILE": "/etc"}),
        ("TRUSTED_PROXIES", {"TRUSTED_PROXIES": "0.0.0.0/0"}),
        ("TRUSTED_PROXIES", {"TRUSTED_PROXIES": "127.0.0.1 ::/0"}),
        ("CONTENT_HOST", {"CONTENT_HOST": "https://content.example.org"}),
        ("CONTENT_HOST", {"CONTENT_HOST": "https://c.example.org/mail", "BASE_URL": "https://mail.example.org"}),
        ("CONTENT_HOST", {"CONTENT_HOST": "https://mail.example.org:8443", "BASE_URL": "https://mail.example.org"}),
        ("CONTENT_HOST", {"CONTENT_HOST": "http://localhost", "BASE_URL": "https://mail.example.org"}),
    ],
)
def test_values_that_no_site_can_mean(name: str, values: dict[str, str]) -> None:
    result = manage("check", **SERVERS | values)
    assert re.findall(r"\(portal\.E001\) (\w+) is wrong\.\n\s+HINT: \S+", result.stderr) == [name], result.stderr


@pytest.mark.parametrize(
    "values",
    [
        {"IMAP_URL": "imap://localhost", "SMTP_URL": "smtp://[::1]:25"},
        {"SIGN_IN": "ldap, imap", "LDAP_URL": "ldap+starttls://ldap.example.org", "LDAP_BASE": "o=x"}
        | {"LDAP_LOGIN_ATTRIBUTE": "mail", "LDAP_USER_FILTER": "(&(Mail={login})(o=y))", "MAIL_LOGIN_RULE": "{local}"},
        {"SIGN_IN": "oidc", "OIDC_ISSUER": "https://id.example.org/realms/staff/", "OIDC_CLIENT_ID": "yurt"}
        | {"OIDC_LOGIN_CLAIM": "https://example.org/claims/mailbox", "OIDC_SCOPES": "openid, offline_access"},
        {"SIGN_IN": "imap oidc", "OIDC_ISSUER": "http://localhost:8080", "OIDC_CLIENT_ID": "yurt"},
        {"IMAP_URL": "imap://mail.example.org", "SMTP_URL": "smtp://mail.example.org", "ALLOW_PLAINTEXT": "yes"},
        {"IMAP_URL": "imap+starttls://mail.example.org", "TRUSTED_PROXIES": "10.0.0.0/8 fd00::/8 unix"}
        | {"BASE_URL": "https://mail.example.org", "CONTENT_HOST": "https://content.example.org"},
        {
            "SELFTEST_LOGIN": "tester",
            "SELFTEST_PASSWORD": "secret",
            "MAIL_DOMAIN": "",
            "MAIL_ADDRESS_RULE": "{login}@a.b",
        },
    ],
)
def test_values_that_are_close_to_those_and_right(values: dict[str, str]) -> None:
    result = manage("check", **SERVERS | values)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("rule", ["login", "{local}@{domain}"])
def test_a_site_without_a_domain_is_warned(rule: str) -> None:
    result = manage("check", **SERVERS | {"MAIL_DOMAIN": "", "MAIL_ADDRESS_RULE": rule})
    assert result.returncode == 0
    assert "(portal.W003) MAIL_DOMAIN is not set" in result.stderr


def test_a_settings_file_is_there_and_every_line_counts(tmp_path: Path) -> None:
    """One that is not there, or is half understood, must never become the demo or another site."""
    result = manage("check", ENV_FILE=str(tmp_path / "typo"))
    assert re.search(
        r"\(portal\.E001\) ENV_FILE is wrong\.\n\s+HINT: ENV_FILE names .*typo, which is no file;", result.stderr
    )
    file = tmp_path / "env"
    file.write_text("SITE_NAME = Sky\n\nPORT 9\n")
    result = manage("check", ENV_FILE=str(file))
    assert "line 3 is not understood" in result.stderr
    file.write_text("SITE_NAME = Sky\n")
    code = "from django.conf import settings; print(settings.SITE_NAME)"
    assert manage("shell", "--no-imports", "-c", code, ENV_FILE=str(file)).stdout == "Sky\n"


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=1", "1"),
        ("A = 1", "1"),
        ("  export A='x # y'  # why", "x # y"),
        ("A=ab#c  # why", "ab#c"),
        ("A= # nothing", ""),
        (r'A="a \" and a \\"', 'a " and a \\'),
        ("A=it's", "it's"),
    ],
)
def test_a_line_of_the_settings_file(line: str, value: str) -> None:
    assert envfile.parse(f"# ours\n\n{line}\r\n") == {"A": value}


@pytest.mark.parametrize("line", ["A", "A B=1", "A='x", 'A="x" y', "A=#c", "9=1", "A=x\0"])
def test_a_line_that_is_none_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"^line 2 is not understood"):
        envfile.parse(f"B=1\n{line}\n")


def documented() -> dict[str, str]:
    page = (ROOT / "docs" / "administration.md").read_text()
    table = page.partition("<!-- settings -->")[2].partition("<!-- /settings -->")[0]
    return dict(re.findall(r"^\| `([A-Z0-9_]+)` \| (.*?) \| ", table, re.MULTILINE))


def test_the_documented_table_is_the_code() -> None:
    defaults = {name: f"`{value}`" if value else "" for name, value in settings.CONFIG.defaults.items()}
    assert documented() == defaults


def test_every_setting_is_either_wrong_somewhere_above_or_takes_any_line() -> None:
    any_line = {
        "CA_PASSPHRASE",
        "DATA_DIR",
        "HOST",
        "SECRET_KEY_FALLBACKS",
        "DELEGATION_KEY_FALLBACKS",
        "SELFTEST_LOGIN",
        "SELFTEST_PASSWORD",
    }
    assert set(WRONG) | any_line | {"SMTP_LOGIN", "SMTP_PASSWORD", "LDAP_BIND_PASSWORD"} == set(
        settings.CONFIG.defaults
    )


def read(parse, value: str):
    env = conf.Environment({"NAME": value})
    return env("NAME", parse), env.problems


def test_a_value_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from the file\n")
    env = conf.Environment({"KEY_FILE": str(tmp_path / "key"), "GONE_FILE": str(tmp_path / "gone")})
    assert env("KEY", conf.text) == "from the file"
    assert env("GONE", conf.text) == ""
    assert "cannot be read" in str(env.problems[0])


@pytest.mark.parametrize(
    ("value", "modules"),
    [
        ("", ["apps.mail"]),
        ("mail", ["apps.mail"]),
        ("none", []),
        ("-mail", []),
        ("+tests", ["apps.mail", "tests"]),
        ("-mail +tests", ["tests"]),
        ("apps.mail", ["apps.mail"]),
    ],
)
def test_apps_are_a_list_or_changes_to_the_default(value: str, modules: list[str]) -> None:
    assert read(portal_apps(("mail",)), value) == (modules, [])


@pytest.mark.parametrize("value", ["mail +tests", "-contacts", "+no_such_app", "+../etc", "+no.such.app"])
def test_what_is_no_choice_of_apps_is_said(value: str) -> None:
    found, problems = read(portal_apps(("mail",)), value)
    assert found == ["apps.mail"]
    assert len(problems) == 1


@pytest.mark.parametrize(
    ("value", "origin", "path"),
    [
        ("", "", ""),
        ("https://mail.example.org", "https://mail.example.org", ""),
        ("https://mail.example.org/", "https://mail.example.org", ""),
        ("https://example.org:8443/web/mail/", "https://example.org:8443", "/web/mail"),
        ("http://localhost:8000", "http://localhost:8000", ""),
        ("http://[::1]:8000/x", "http://[::1]:8000", "/x"),
    ],
)
def test_the_address_of_the_site(value: str, origin: str, path: str) -> None:
    url, problems = read(conf.base_url, value)
    assert (url.origin, url.path, problems) == (origin, path, [])


@pytest.mark.parametrize(
    "value",
    ["mail.example.org", "http://mail.example.org", "https://a@b.test", "https://a.test/?x", "https://a.test:port",
     "https://a.test/%2e", "ftp://localhost"],
)  # fmt: skip
def test_what_is_no_address_of_a_site(value: str) -> None:
    assert len(read(conf.base_url, value)[1]) == 1


def test_everything_follows_from_the_address() -> None:
    code = (
        "from portal import settings as s; print(s.FORCE_SCRIPT_NAME, s.SESSION_COOKIE_PATH, s.CSRF_COOKIE_NAME,"
        " s.CSRF_TRUSTED_ORIGINS, s.ALLOWED_HOSTS[0], s.SESSION_COOKIE_SECURE, s.SECURE_HSTS_SECONDS > 0)"
    )
    environment = os.environ | {"ENV_FILE": "", "BASE_URL": "https://example.org/webmail"}
    environment.pop("ALLOWED_HOSTS", None)
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert result.stdout.split(" ", 3)[:3] == ["/webmail", "/webmail/", "__Secure-yurt_csrf"], result.stderr
    assert result.stdout.split(" ", 3)[3] == "['https://example.org'] example.org True True\n"


def test_the_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "var" / "secret_key"
    key = conf.key_file(path)
    assert len(key) > 60
    assert conf.key_file(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]
    path.chmod(0o644)
    with pytest.raises(ValueError, match="chmod 600"):
        conf.key_file(path)


def test_sqlite_queues_its_writers() -> None:
    options = databases.database(Path("/data"))("sqlite:///portal.sqlite3")
    assert options["NAME"] == "/data/portal.sqlite3"
    assert options["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in options["OPTIONS"]["init_command"]


def test_secrets_stay_out_of_the_message() -> None:
    with pytest.raises(ValueError, match=r"^write sqlite:///path") as raised:
        databases.database(Path("/data"))("mysql://portal:hunter2@")
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    ("host", "base_url", "http_port", "origin", "wrong"),
    [
        ("127.0.0.1", "", 8080, "https://localhost:8000", []),
        ("::1", "", 8080, "https://localhost:8000", []),
        ("192.0.2.7", "", 8080, "https://192.0.2.7:8000", []),
        ("2001:db8::7", "", 8080, "https://[2001:db8::7]:8000", []),
        ("0.0.0.0", "", 8080, "https://localhost:8000", ["BASE_URL"]),
        ("0.0.0.0", "https://mail.example.org/webmail", 8080, "https://mail.example.org", []),
        ("127.0.0.1", "http://localhost:8000", 8080, "http://localhost:8000", ["BASE_URL"]),
        ("127.0.0.1", "", 8000, "https://localhost:8000", ["HTTP_PORT"]),
    ],
)
def test_where_tls_is_spoken_the_address_is_https(
    host: str, base_url: str, http_port: int, origin: str, wrong: list[str]
) -> None:
    env = conf.Environment({})
    found = consistency.served_here(env, host=host, port=8000, http_port=http_port, base_url=conf.base_url(base_url))
    assert found.origin == origin
    assert [problem.name for problem in env.problems] == wrong
