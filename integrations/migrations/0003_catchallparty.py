import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('integrations', '0002_chart_changes'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='chartaccount',
            name='party',
            field=models.CharField(blank=True, choices=[('customer', 'customer'), ('supplier', 'supplier')], default='', max_length=10),
            preserve_default=False,
        ),
        migrations.CreateModel(
            name='CatchAllParty',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('party', models.CharField(choices=[('customer', 'customer'), ('supplier', 'supplier')], max_length=10)),
                ('asked_at', models.DateTimeField()),
                ('name', models.CharField(blank=True, max_length=100)),
                ('remote_id', models.CharField(blank=True, max_length=64)),
                ('error', models.TextField(blank=True)),
                ('asked_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('connection', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='parties', to='integrations.connection')),
            ],
            options={
                'verbose_name_plural': 'catch-all parties',
                'constraints': [models.UniqueConstraint(fields=('connection', 'party'), name='one_catch_all_per_kind')],
            },
        ),
    ]
