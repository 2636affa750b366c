from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('integrations', '0006_trial_balance_check'),
    ]

    operations = [
        migrations.AddField(
            model_name='delivery',
            name='rests_until',
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
