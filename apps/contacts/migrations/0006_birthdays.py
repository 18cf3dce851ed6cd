from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import migrations, models

from apps.contacts import days
from apps.contacts.card import Card

AT_ONCE = 1000


def fill(apps: Any, _schema_editor: Any) -> None:
    """The columns of contacts that are there already, from their documents."""
    contact, stored = apps.get_model("contacts", "Contact"), apps.get_model("contacts", "Card")
    found = []
    for row in stored.objects.only("contact_id", "data").iterator(chunk_size=AT_ONCE):
        card = Card.from_json(row.data)
        birthday, anniversary = days.number_of(card, "BDAY"), days.number_of(card, "ANNIVERSARY")
        if birthday or anniversary:
            found.append(contact(pk=row.contact_id, birthday=birthday, anniversary=anniversary))
    for start in range(0, len(found), AT_ONCE):
        contact.objects.bulk_update(found[start : start + AT_ONCE], ["birthday", "anniversary"], batch_size=AT_ONCE // 4)


class Migration(migrations.Migration):
    dependencies = [("contacts", "0005_searches"), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]

    operations = [
        migrations.AddField("contact", "birthday", models.PositiveSmallIntegerField(null=True)),
        migrations.AddField("contact", "anniversary", models.PositiveSmallIntegerField(null=True)),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.AddIndex("contact", models.Index(fields=["owner", "birthday"], name="contacts_owner_birthday")),
        migrations.AddIndex("contact", models.Index(fields=["owner", "anniversary"], name="contacts_owner_anniversary")),
    ]
