
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('mail', '0003_saved_search'),
        ('portal', '0002_delegations'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='OutboxMessage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('writing_id', models.CharField(max_length=64)),
                ('content', models.CharField(blank=True, max_length=80)),
                ('file', models.CharField(blank=True, max_length=32)),
                ('sealed', models.BinaryField(default=b'')),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('sending', 'Sending'), ('handing', 'Handing'), ('unknown', 'Unknown'), ('copying', 'Copying'), ('sent', 'Sent'), ('failed', 'Failed'), ('done', 'Done')], default='waiting', max_length=10)),
                ('due', models.DateTimeField()),
                ('created', models.DateTimeField(default=django.utils.timezone.now)),
                ('finished', models.DateTimeField(null=True)),
                ('attempt', models.PositiveIntegerField(default=0)),
                ('tries', models.PositiveIntegerField(default=0)),
                ('lease_until', models.DateTimeField(null=True)),
                ('told', models.BooleanField(default=False)),
                ('delegation', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='portal.delegation')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'message in the outbox',
                'verbose_name_plural': 'messages in the outbox',
                'indexes': [models.Index(fields=['state', 'due'], name='mail_outbox_due')],
                'constraints': [models.UniqueConstraint(fields=('user', 'writing_id'), name='mail_outbox_once')],
            },
        ),
    ]
