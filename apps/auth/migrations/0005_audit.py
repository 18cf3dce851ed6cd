

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('portal_auth', '0004_gone_since'),
    ]

    operations = [
        migrations.CreateModel(
            name='AuditEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('time', models.DateTimeField(db_index=True, verbose_name='time')),
                ('kind', models.CharField(db_index=True, max_length=40, verbose_name='what')),
                ('outcome', models.CharField(choices=[('done', 'done'), ('refused', 'refused')], max_length=8, verbose_name='outcome')),
                ('login', models.CharField(blank=True, max_length=190, verbose_name='login')),
                ('address', models.CharField(blank=True, max_length=45, verbose_name='address')),
                ('country', models.CharField(blank=True, max_length=2, verbose_name='country')),
                ('browser', models.CharField(blank=True, max_length=40, verbose_name='browser')),
                ('way', models.CharField(blank=True, max_length=40, verbose_name='way')),
                ('session', models.CharField(blank=True, db_index=True, max_length=16, verbose_name='session')),
                ('facts', models.JSONField(default=dict, verbose_name='more')),
                ('count', models.PositiveIntegerField(default=1, verbose_name='times')),
                ('bucket', models.CharField(max_length=110, null=True, unique=True)),
                ('user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='person')),
            ],
            options={
                'verbose_name': 'audit event',
                'verbose_name_plural': 'audit events',
                'ordering': ['-pk'],
                'indexes': [models.Index(fields=['user', 'time'], name='portal_auth_audit_of_user'), models.Index(fields=['login', 'time'], name='portal_auth_audit_of_login')],
            },
        ),
    ]
