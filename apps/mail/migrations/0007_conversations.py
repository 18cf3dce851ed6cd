from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('mail', '0006_server_away'),
    ]

    operations = [
        migrations.AddField(
            model_name='listorder',
            name='mode',
            field=models.CharField(blank=True, default='', max_length=20, verbose_name='shown as'),
        ),
    ]
