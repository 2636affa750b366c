import django.db.models.deletion
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('integrations', '0003_catchallparty'),
        ('organizations', '0001_initial'),
    ]

    operations = [
        # Records of before name no key-encryption key and could not be moved to another. Their people connect again.
        migrations.RunSQL("DELETE FROM integrations_sealedgrant", migrations.RunSQL.noop),
        migrations.RunSQL("UPDATE integrations_connectattempt SET candidates = '[]'", migrations.RunSQL.noop),
        migrations.RemoveField(
            model_name='sealedgrant',
            name='is_to_be_revoked',
        ),
        migrations.AddField(
            model_name='sealedgrant',
            name='key_id',
            field=models.CharField(db_index=True, default='', max_length=200),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='sealedgrant',
            name='person_id',
            field=models.CharField(blank=True, db_index=True, max_length=64),
        ),
        migrations.AlterField(
            model_name='connection',
            name='status_reason',
            field=models.CharField(blank=True, choices=[('', ''), ('person', 'Disconnected by a person'), ('grant_lost', 'The provider ended our access'), ('company_gone', 'The company can no longer be reached'), ('seal_broken', 'The stored access was altered or moved')], default='', max_length=20),
        ),
        migrations.CreateModel(
            name='GrantToReturn',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('provider_name', models.CharField(choices=[('quickbooks', 'QuickBooks Online'), ('xero', 'Xero')], max_length=20)),
                ('sealed_for', models.UUIDField()),
                ('tokens', models.BinaryField(null=True)),
                ('key_id', models.CharField(blank=True, db_index=True, max_length=200)),
                ('person_id', models.CharField(blank=True, max_length=64)),
                ('companies', models.JSONField()),
                ('began_at', models.DateTimeField()),
                ('next_try_at', models.DateTimeField(db_index=True)),
                ('failures', models.PositiveSmallIntegerField(default=0)),
                ('connection', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='grants_to_return', to='integrations.connection')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='organizations.organization')),
            ],
        ),
        migrations.CreateModel(
            name='AccessNotice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('ends_in_14_days', 'The access ends in two weeks'), ('ends_in_7_days', 'The access ends in a week'), ('ends_in_2_days', 'The access ends in two days'), ('ended', 'The connection stopped')], max_length=16)),
                ('about', models.DateTimeField()),
                ('next_try_at', models.DateTimeField(db_index=True, null=True)),
                ('failures', models.PositiveSmallIntegerField(default=0)),
                ('sent_at', models.DateTimeField(null=True)),
                ('connection', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='notices', to='integrations.connection')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('connection', 'kind', 'about'), name='told_once')],
            },
        ),
    ]
