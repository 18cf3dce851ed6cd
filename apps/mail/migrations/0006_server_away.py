from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('mail', '0005_identity'),
    ]

    operations = [
        migrations.AddField(
            model_name='outboxmessage',
            name='server_away',
            field=models.BooleanField(default=False),
        ),
    ]
