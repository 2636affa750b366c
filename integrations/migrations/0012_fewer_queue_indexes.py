"""Two indexes fewer to write for each posting and each step of an entry.

Recent changes are asked for of what was sent alone, and an entry's rows with the connection they belong to.
"""

import django.db.models.deletion
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False  # the new one is built beside postings, which would wait for it otherwise

    dependencies = [
        ("integrations", "0011_queue_vacuum"),
        ("ledger", "0001_initial"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="queuerow",
            index=models.Index(
                condition=models.Q(("state", "sent")), fields=["connection", "-changed_at"], name="queue_sent"
            ),
        ),
        RemoveIndexConcurrently(model_name="queuerow", name="queue_recent"),
        migrations.AlterField(
            model_name="queuerow",
            name="entry",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="queue_rows",
                to="ledger.journalentry",
            ),
        ),
    ]
