"""Texts and choices that nobody on this project saw a real provider give, in one table.

Each stands for a gap: when a recording from a real company file turns up, correct it here. The tests hold the rules;
no test of the product may depend on these words.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Unverified:
    """`text` is what the sandbox says (`{names}` are filled in), `about` what stands open, `basis` whence it is."""

    text: str
    about: str
    basis: str


TEXTS: dict[str, Unverified] = {
    # QuickBooks Online
    "qbo_required": Unverified(
        "Required param missing, need to supply the required value for the API", "Message of 2020", "memory"
    ),
    "qbo_too_long": Unverified(
        "String length specified does not match the supported length. Min:0 Max:{limit} supported."
        " Supplied length:{length}",
        "Detail of 2050",
        "memory",
    ),
    "qbo_bad_date": Unverified("Date value is not supported: {value}", "Detail of 2060", "guess"),
    "qbo_bad_request_id": Unverified("Request ID is longer than {limit} characters", "Detail of 2130", "guess"),
    "qbo_bad_bid": Unverified("bId {value} is longer than {limit} characters", "long bIds beside a requestid", "guess"),
    "qbo_bad_amount": Unverified("Amount is not in a valid format: {value}", "Detail of 2140", "guess"),
    "qbo_three_decimals": Unverified(
        "Amount has more than two decimals: {value}", "whether more than two decimals are refused (2140)", "guess"
    ),
    "qbo_bad_currency": Unverified("Currency is not valid for this company: {value}", "Detail of 2220", "guess"),
    "qbo_no_lines": Unverified("At least one line is required", "Message and Detail of 2250", "guess"),
    "qbo_posting_type": Unverified("Posting type must be Debit or Credit", "Message and Detail of 2260", "guess"),
    "qbo_negative": Unverified("Amount must not be negative: {value}", "Message and Detail of 2290", "guess"),
    "qbo_non_posting": Unverified(
        "The account {value} can't be used for this transaction", "Message and Detail of 6430", "guess"
    ),
    "qbo_foreign_account": Unverified(
        "Business Validation Error: Only home currency accounts can be used in a home currency journal entry",
        "Detail of 6000 for a foreign-currency account",
        "inferred",
    ),
    "qbo_payable_vendor": Unverified(
        "Business Validation Error: When you use Accounts Payable, you must choose a vendor in the Name field.",
        "A/P wording, by analogy with A/R",
        "inferred",
    ),
    "qbo_period_closed": Unverified(
        "Account Period Closed, Cannot Update Through Services API : The account period has closed and the account"
        " books cannot be updated through the QBO Services API. Please use the QBO website to make these changes.",
        "Detail of 6210",
        "memory",
    ),
    "qbo_duplicate_number": Unverified(
        "Duplicate Document Number Error : You must specify a different number. This number has already been used."
        " DocNumber={number} is assigned to TxnType=Journal Entry with TxnId={journal_id}",
        "the words before DocNumber= in 6140's Detail",
        "memory",
    ),
    "qbo_batch_too_large": Unverified(
        "The batch holds {count} items. At most {limit} are supported",
        "Message, Detail and HTTP status of 1040",
        "guess",
    ),
    "qbo_bad_query": Unverified("QueryParserError: {problem}", "Detail of 4000", "memory"),
    "qbo_name_too_long": Unverified(
        "Name is too long or holds a forbidden character", "Detail for account names", "guess"
    ),
    "qbo_no_access": Unverified(
        "AuthorizationFailure: 11014-You do not have access to this company", "whole Detail of 120", "memory"
    ),
    "qbo_locked_out": Unverified("The company is locked out", "Message and Detail of 140", "guess"),
    "qbo_under_maintenance": Unverified("The company is under maintenance", "Message and Detail of 150", "guess"),
    "qbo_item_throttled": Unverified(
        "The request limit was reached.  Try again later", "whether one item of a batch is throttled alone", "guess"
    ),
    "qbo_item_unauthenticated": Unverified(
        "Token expired", "Detail of an authentication fault of one item of a batch", "inferred"
    ),
    "qbo_duplicate_request": Unverified(
        "A request with this id is being processed", "Detail and meaning of 600", "guess"
    ),
    "qbo_no_permission": Unverified(
        "Permission Denied Error : The feature is not part of this subscription", "Detail of 5020", "guess"
    ),
    "qbo_subscription_lapsed": Unverified(
        "Subscription period has ended or canceled or there was a billing problem", "Detail of 6190; HTTP 400", "memory"
    ),
    "qbo_tax_account": Unverified(
        "This sales tax account can't be used in a journal entry", "Message and Detail of 6470", "guess"
    ),
    "qbo_company_reset": Unverified("The company was reset", "Message and Detail of 10200", "guess"),
    "qbo_entry_not_found": Unverified(
        "Object Not Found : Something you're trying to use has been made inactive",
        "changing an entry that was deleted",
        "inferred",
    ),
    "qbo_bad_json": Unverified("The request body is not valid JSON", "answer to a body that is not JSON", "guess"),
    # Xero
    "xero_narration": Unverified("The Narration field is mandatory", "missing Narration", "guess"),
    "xero_two_lines": Unverified(
        "A journal must have at least two lines", "fewer than two journal lines (exact text unknown)", "guess"
    ),
    "xero_account_code": Unverified(
        "Account code must be specified", "a line without AccountCode; by AccountID alone is refused too", "guess"
    ),
    "xero_three_decimals": Unverified(
        "LineAmount {value} must not have more than two decimal places", "more than two decimals", "guess"
    ),
    "xero_line_amount": Unverified("LineAmount must be a number up to 9999999999.99", "a bad LineAmount", "guess"),
    "xero_archived": Unverified(
        "Account code '{code}' has been archived, or has been deleted. Each line item must reference a valid account.",
        "seen for bills, assumed for journals",
        "inferred",
    ),
    "xero_no_data": Unverified("No data was processed", "Message of error 17, empty body", "memory"),
    "xero_bad_value": Unverified(
        "Error converting value \"{value}\" to type '{type}'. Path '{path}'", "exact wording of error 14", "inferred"
    ),
    "xero_long_key": Unverified(
        "Idempotency-Key is {length} characters long. The most is 128", "wording for a long key", "guess"
    ),
    "xero_no_permission": Unverified(
        "You are not permitted to access this resource", "403 for a role too low for manual journals", "inferred"
    ),
    "xero_internal_error": Unverified("An error occurred in Xero", "body of a 500", "guess"),
    "xero_unknown_journal": Unverified(
        "The manual journal could not be found", "a ManualJournalID in the body that nobody knows", "guess"
    ),
    "xero_journal_ended": Unverified(
        "The manual journal is {status} and can't be changed", "changing a voided or deleted journal", "guess"
    ),
    "xero_status_change": Unverified(
        "A manual journal can't go from {before} to {after}", "a status that can't follow", "guess"
    ),
    "xero_warning": Unverified("The journal was changed when it was saved", "a warning of no known kind", "guess"),
    "xero_new_status": Unverified(
        "Status must be DRAFT or POSTED for a new journal", "creating a voided, deleted or archived journal", "guess"
    ),
}

CHOICES: dict[str, Unverified] = {
    "qbo_replay_scope": Unverified(
        "Only answers that created something are kept under a requestid (a batch always is), for ever, and the body is"
        " not compared.",
        "retention of requestid, replay of failures, comparison of bodies",
        "not documented",
    ),
    "qbo_items_count": Unverified(
        "Each batch item counts towards 500 a minute; a call is admitted while fewer than 500 were counted in the last"
        " 60 seconds. A batch is one call towards 10 a second.",
        "how items and windows are counted",
        "safe reading",
    ),
    "qbo_code_life": Unverified("An authorization code lives 10 minutes.", "its life", "memory"),
    "qbo_second_exchange": Unverified(
        "A second exchange of a code kills the tokens of the first.", "documented as a possibility", "safe reading"
    ),
    "qbo_rotated_token": Unverified(
        "A rotated refresh token dies at once.", "at once or within 24 hours", "safe reading"
    ),
    "qbo_parallel_refresh": Unverified(
        "With its switch on, a second refresh of one value within five seconds is refused and ends the grant; off, it"
        " succeeds.",
        "third parties quote Intuit; how close is too close",
        "third party",
    ),
    "qbo_hard_life": Unverified(
        "The five years count from the consent, and x_refresh_token_expires_in never reaches past them.",
        "how the two lives meet",
        "inferred",
    ),
    "qbo_state_status": Unverified(
        "6190, 140, 150 and 10200 come with HTTP 400, 120 with 401.", "their HTTP status", "safe reading"
    ),
    "qbo_people_closed_books": Unverified(
        "People may change an entry in closed books; an app may not.", "they have a password", "memory"
    ),
    "qbo_zero_lines": Unverified("A line of 0.00 is accepted.", "zero amounts", "guess"),
    "qbo_active_filter": Unverified(
        "A query without an Active filter finds active accounts only.", "sources conflict", "blog of 2017"
    ),
    "xero_kept_400": Unverified("A 400 is kept under its Idempotency-Key too.", "not documented", "safe reading"),
    "xero_other_tenant": Unverified(
        "The same key for another tenant is a different request: 400.", "not documented", "safe reading"
    ),
    "xero_reuse_shape": Unverified(
        "The reuse error is a ValidationException with the text as Message and no Elements.", "body shape", "guess"
    ),
    "xero_429": Unverified("429 has an empty body.", "body of a 429", "safe reading"),
    "xero_problems": Unverified(
        "X-Rate-Limit-Problem is concurrent or appminute for those two limits.", "the two values", "memory"
    ),
    "xero_dead_revocation": Unverified("Revoking an unknown token answers 200.", "RFC 7009 says so", "memory"),
    "xero_draft_accounts": Unverified("A draft with an unusable account is refused.", "warn or fail", "guess"),
    "xero_retained_earnings": Unverified(
        "Retained earnings, GST and Rounding are refused.", "the help page and the API page differ", "safe reading"
    ),
    "xero_posting_twice": Unverified(
        "Posting a journal that is posted already answers OK and changes nothing, unless its period is locked.",
        "not documented",
        "guess",
    ),
    "xero_edit_members": Unverified(
        "A change may name its id and status alone; members left out stay as they were.", "not documented", "memory"
    ),
    "xero_deleted_listed": Unverified(
        "A deleted organisation leaves /connections; one whose trial ended, or whose person lost the role, stays.",
        "not documented",
        "inferred",
    ),
    "xero_demo_reset": Unverified("A reset demo company comes back under a new tenantId.", "new id", "memory"),
    "xero_people_lock": Unverified("Lock dates bind people in Xero as they bind apps.", "roles differ", "inferred"),
    "xero_lock_words": Unverified("Lock date texts are those seen on invoices.", "journal wording", "inferred"),
}


def words(name: str, **values: object) -> str:
    """The sandbox's stand-in text with its blanks filled."""
    return TEXTS[name].text.format(**values)
