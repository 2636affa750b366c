"""Events can be added and read. Postgres refuses everything else, whoever asks."""

from django.db import migrations

APPEND_ONLY = """
CREATE FUNCTION audit_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The audit log is append-only: % is refused.', TG_OP
        USING ERRCODE = 'check_violation', CONSTRAINT = 'audit_log_is_append_only';
END $$;

CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON audit_auditevent
    FOR EACH ROW EXECUTE FUNCTION audit_refuse_change();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON audit_auditevent
    EXECUTE FUNCTION audit_refuse_change();
"""

BACK = """
DROP TRIGGER refuse_change ON audit_auditevent;
DROP TRIGGER refuse_truncate ON audit_auditevent;
DROP FUNCTION audit_refuse_change;
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]

    operations = [migrations.RunSQL(APPEND_ONLY, BACK)]
