"""The rules of bookkeeping, held by Postgres itself, so that no code path and no hand-written SQL can break them.

An entry is inserted unposted, gets its lines, and is then posted by an update that gives it number and posted_at.

Postgres keeps a function's plans for the life of the connection. A plan made while the books were nearly empty would read
whole tables, once per entry of a later import: hence the functions that look rows up are told to use indexes.
"""

from django.db import migrations

# A posted entry is final. An unposted one may change, but not move to another organization, where its lines don't belong.
ENTRIES_ARE_FINAL = """
CREATE FUNCTION ledger_keep_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.posted_at IS NOT NULL THEN
            RAISE EXCEPTION 'An entry is posted after its lines are in, not as it is inserted.'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_is_inserted_unposted';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.posted_at IS NOT NULL THEN
        RAISE EXCEPTION 'Journal entry % is posted: it can be reversed, never changed or deleted.', OLD.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'posted_entry_is_final';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    IF NEW.organization_id <> OLD.organization_id THEN
        RAISE EXCEPTION 'An entry stays in its organization.'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_stays_in_its_organization';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER keep_entry BEFORE INSERT OR UPDATE OR DELETE ON ledger_journalentry
    FOR EACH ROW EXECUTE FUNCTION ledger_keep_entry();
"""

# The share lock makes a line and the posting of its entry wait for each other; a foreign key's own lock would not.
LINES_ARE_FINAL = """
CREATE FUNCTION ledger_keep_line() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    entry ledger_journalentry;
BEGIN
    SELECT * INTO entry FROM ledger_journalentry WHERE id = OLD.entry_id FOR SHARE;
    IF entry.posted_at IS NOT NULL THEN
        RAISE EXCEPTION 'The lines of posted journal entry % can never be changed or deleted.', entry.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'posted_entry_is_final';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER keep_line BEFORE UPDATE OR DELETE ON ledger_journalline
    FOR EACH ROW EXECUTE FUNCTION ledger_keep_line();

-- Once per statement, since an import inserts lines by the thousand.
CREATE FUNCTION ledger_check_new_lines() RETURNS trigger LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    entry ledger_journalentry;
BEGIN
    PERFORM id FROM ledger_journalentry
        WHERE id IN (SELECT entry_id FROM new_lines) ORDER BY id FOR SHARE;
    SELECT e.* INTO entry FROM ledger_journalentry e JOIN new_lines l ON l.entry_id = e.id
        WHERE e.posted_at IS NOT NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'Journal entry % is posted: no line can be added to it.', entry.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'posted_entry_is_final';
    END IF;
    IF EXISTS (
        SELECT FROM new_lines l
        JOIN ledger_journalentry e ON e.id = l.entry_id
        JOIN ledger_account a ON a.id = l.account_id
        WHERE a.organization_id <> e.organization_id
    ) THEN
        RAISE EXCEPTION 'A line names an account of another organization.'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'line_account_is_the_organizations';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER check_inserted_lines AFTER INSERT ON ledger_journalline
    REFERENCING NEW TABLE AS new_lines FOR EACH STATEMENT EXECUTE FUNCTION ledger_check_new_lines();
CREATE TRIGGER check_updated_lines AFTER UPDATE ON ledger_journalline
    REFERENCING NEW TABLE AS new_lines FOR EACH STATEMENT EXECUTE FUNCTION ledger_check_new_lines();
"""

ENTRIES_BALANCE = """
CREATE FUNCTION ledger_check_balance() RETURNS trigger LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    lines bigint;
    debits numeric;
    credits numeric;
BEGIN
    SELECT count(*), coalesce(sum(debit), 0), coalesce(sum(credit), 0) INTO lines, debits, credits
        FROM ledger_journalline WHERE entry_id = NEW.id;
    IF lines < 2 THEN
        RAISE EXCEPTION 'Journal entry % has % lines; it needs at least two.', NEW.number, lines
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_has_two_lines';
    END IF;
    IF debits <> credits THEN
        RAISE EXCEPTION 'Journal entry % does not balance: debits are %, credits %.', NEW.number, debits, credits
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_balances';
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER check_balance AFTER UPDATE ON ledger_journalentry
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.posted_at IS NOT NULL) EXECUTE FUNCTION ledger_check_balance();
"""

# Who posts holds the organization's row until commit, so numbers are given in the order of commits and a rolled back
# posting leaves none unused. Entries are never deleted, so it is enough that each posting goes on where the last ended.
# keep_entry lets no posted entry be updated, so an updated entry that is posted is posted by this very statement.
NUMBERS_HAVE_NO_GAPS = """
CREATE FUNCTION ledger_check_posting() RETURNS trigger LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    posted record;
    organization organizations_organization;
BEGIN
    FOR posted IN
        SELECT n.organization_id, min(n.number) AS first, max(n.number) AS last, count(*) AS entries,
               min(n.currency) AS currency, max(n.currency) AS other_currency
        FROM new_entries n
        WHERE n.posted_at IS NOT NULL
        GROUP BY n.organization_id ORDER BY n.organization_id
    LOOP
        SELECT * INTO organization FROM organizations_organization
            WHERE id = posted.organization_id FOR NO KEY UPDATE;
        IF posted.last - posted.first + 1 <> posted.entries OR posted.first <> 1 + (
            SELECT coalesce(max(number), 0) FROM ledger_journalentry
            WHERE organization_id = posted.organization_id AND number < posted.first
        ) THEN
            RAISE EXCEPTION 'Entry numbers % to % for % entries would leave a gap.',
                posted.first, posted.last, posted.entries
                USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_numbers_have_no_gaps';
        END IF;
        IF posted.currency <> organization.currency OR posted.other_currency <> organization.currency THEN
            RAISE EXCEPTION 'An entry is in another currency than its ledger, which is in %.', organization.currency
                USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_is_in_the_ledgers_currency';
        END IF;
    END LOOP;
    IF EXISTS (
        SELECT FROM new_entries n JOIN ledger_journalentry r ON r.id = n.reverses_id
        WHERE n.posted_at IS NOT NULL AND (r.organization_id <> n.organization_id OR r.posted_at IS NULL)
    ) THEN
        RAISE EXCEPTION 'An entry reverses a posted entry of its own organization.'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'reversal_answers_a_posted_entry';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER check_posting AFTER UPDATE ON ledger_journalentry
    REFERENCING NEW TABLE AS new_entries FOR EACH STATEMENT EXECUTE FUNCTION ledger_check_posting();
"""

# That an account with lines can't be deleted is the foreign key's work.
ACCOUNTS_KEEP_THEIR_MEANING = """
CREATE FUNCTION ledger_keep_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM ledger_journalline WHERE account_id = OLD.id) THEN
        RAISE EXCEPTION 'Account % has postings: it keeps its organization, number and type.', OLD.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'used_account_keeps_its_meaning';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER keep_account BEFORE UPDATE ON ledger_account
    FOR EACH ROW WHEN (
        (NEW.organization_id, NEW.number, NEW.type)
        IS DISTINCT FROM (OLD.organization_id, OLD.number, OLD.type)
    ) EXECUTE FUNCTION ledger_keep_account();

CREATE FUNCTION ledger_keep_currency() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM ledger_journalentry WHERE organization_id = OLD.id) THEN
        RAISE EXCEPTION 'The ledger has entries in %, so its currency stays.', OLD.currency
            USING ERRCODE = 'check_violation', CONSTRAINT = 'used_ledger_keeps_its_currency';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER keep_currency BEFORE UPDATE OF currency ON organizations_organization
    FOR EACH ROW WHEN (NEW.currency <> OLD.currency) EXECUTE FUNCTION ledger_keep_currency();
"""

NOTHING_IS_TRUNCATED = """
CREATE FUNCTION ledger_refuse_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The ledger can never be emptied.'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_is_never_emptied';
END $$;

CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON ledger_journalentry EXECUTE FUNCTION ledger_refuse_truncate();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON ledger_journalline EXECUTE FUNCTION ledger_refuse_truncate();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON ledger_account EXECUTE FUNCTION ledger_refuse_truncate();
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial"), ("organizations", "0001_initial")]

    operations = [
        migrations.RunSQL(
            ENTRIES_ARE_FINAL, "DROP TRIGGER keep_entry ON ledger_journalentry; DROP FUNCTION ledger_keep_entry;"
        ),
        migrations.RunSQL(
            LINES_ARE_FINAL,
            """
            DROP TRIGGER keep_line ON ledger_journalline; DROP FUNCTION ledger_keep_line;
            DROP TRIGGER check_inserted_lines ON ledger_journalline;
            DROP TRIGGER check_updated_lines ON ledger_journalline;
            DROP FUNCTION ledger_check_new_lines;
            """,
        ),
        migrations.RunSQL(
            ENTRIES_BALANCE, "DROP TRIGGER check_balance ON ledger_journalentry; DROP FUNCTION ledger_check_balance;"
        ),
        migrations.RunSQL(
            NUMBERS_HAVE_NO_GAPS,
            "DROP TRIGGER check_posting ON ledger_journalentry; DROP FUNCTION ledger_check_posting;",
        ),
        migrations.RunSQL(
            ACCOUNTS_KEEP_THEIR_MEANING,
            """
            DROP TRIGGER keep_account ON ledger_account; DROP FUNCTION ledger_keep_account;
            DROP TRIGGER keep_currency ON organizations_organization; DROP FUNCTION ledger_keep_currency;
            """,
        ),
        migrations.RunSQL(
            NOTHING_IS_TRUNCATED,
            """
            DROP TRIGGER refuse_truncate ON ledger_journalentry;
            DROP TRIGGER refuse_truncate ON ledger_journalline;
            DROP TRIGGER refuse_truncate ON ledger_account;
            DROP FUNCTION ledger_refuse_truncate;
            """,
        ),
    ]
