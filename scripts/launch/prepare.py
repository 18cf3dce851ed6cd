"""The steps that need Django, in one process because starting it costs most: checks, catalogues, database, files.

Progress goes to standard error, one line of JSON with what the supervisor must show to standard output.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import secrets
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import django
from django.apps import apps as django_apps
from django.conf import settings
from django.core.checks import ERROR, WARNING, CheckMessage, Tags, run_checks
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from demo.accounts import ACCOUNTS, address_of
from scripts import messages

ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that is read wrongly from a screen


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    if messages.compile_all():
        say("Compiled the message catalogues")
    django.setup()
    if not checked(run_checks()):
        return 2
    try:
        migrate()
        if not checked(run_checks(tags=[Tags.database], databases=["default"])):
            return 2
        if settings.TLS and not has_certificate():
            return 2
        admin = first_admin()
        if os.environ.get("YURT_DEMO"):
            demo_people()
    except DatabaseError as error:
        say(f"The database does not answer: {error.args[-1] if error.args else error}. Cure: check DATABASE_URL")
        return 2
    for folder in broker_folders():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    collect_static()
    print(json.dumps({"admin": admin, "mail": django_apps.is_installed("apps.mail")}))
    return 0


def checked(messages: Sequence[CheckMessage]) -> bool:
    """Show what Django's checks and ours complain about, with the cure; False where nothing may start."""
    heard = [message for message in messages if message.level >= WARNING and not message.is_silenced()]
    errors = [message for message in heard if message.level >= ERROR]
    for title, group in (("The settings are wrong:", errors), ("Warning:", [m for m in heard if m not in errors])):
        if group:
            say(
                "\n".join([title, *(f"  {message.msg} Cure: {message.hint or 'see the message'}" for message in group)])
            )
    return not errors


def has_certificate() -> bool:
    """Made on first use, and anew before it ends."""
    from apps.auth.certificates import services, store

    try:
        services.portal_certificate()
    except (store.AuthorityError, OSError) as error:
        say(f"There is no certificate for TLS. {error}")
        return False
    return True


def broker_folders() -> list[Path]:
    """Where the filesystem broker keeps its queue; kombu expects the folders to be there."""
    options: dict[str, object] = settings.CELERY_BROKER_TRANSPORT_OPTIONS
    return [Path(str(value)) for name, value in options.items() if "folder" in name]


def migrate() -> None:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        say(f"Preparing the database ({len(plan)} steps)")
        call_command("migrate", interactive=False, verbosity=0)


def collect_static() -> None:
    """Copies what is new. In debug mode files are served from where they lie."""
    if settings.DEBUG:
        return
    with contextlib.redirect_stdout(io.StringIO()) as out:
        call_command("collectstatic", interactive=False, verbosity=1)
    if not out.getvalue().lstrip().startswith("0 static files copied"):
        say("Collected the static files")


def first_admin() -> dict[str, str] | None:
    """A local administrator for the first sign-in, where there is none; the password is never shown again."""
    if not django_apps.is_installed("apps.auth"):
        return None
    from apps.auth.models import LOCAL, User

    if User.objects.filter(source=LOCAL).exists():
        return None
    password = "-".join("".join(secrets.choice(ALPHABET) for _ in range(4)) for _ in range(4))
    User.objects.create_superuser("admin", password)
    return {"login": "admin", "password": password}


def demo_people() -> None:
    """The demo's mail users with their names, as they would be after an administrator has entered them."""
    if not django_apps.is_installed("apps.mail"):
        return
    from portal.accounts import account_server, external_user

    for login, name in ACCOUNTS.items():
        user = external_user(
            source="imap", server=account_server("imap"), login=login, email=address_of(login), name=name
        )
        people_written_to(user.pk, login)


def people_written_to(user_id: int, login: str) -> None:
    """Noted once, as sending notes them: the demo's Sent was written before there was a portal."""
    from apps.mail.models import Recipient, remember
    from demo.content.plan import letters
    from portal.contracts import Address

    if Recipient.objects.filter(user_id=user_id).exists():
        return
    with transaction.atomic():
        for letter in letters(datetime.now(UTC)):
            if any(place.account == login and place.mailbox == "Sent" for place in letter.places):
                remember(user_id, [Address(person.mail, person.name) for person in (*letter.to, *letter.cc)])


if __name__ == "__main__":
    sys.exit(main())
