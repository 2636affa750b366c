"""QuickBooks Online's troubles, by name: faults of the service and its gateway, recorded bodies, pages of a proxy."""

from collections.abc import Callable

from flask import Response

from ..client_authentication import bearer_token
from ..named import Named, plain, recorded
from ..unverified import words
from .bodies import JSON, XML, Fault, GatewayFault, error, fault_answer, gateway_answer, respond
from .journals import BUSINESS_RULE, closed_period, made_inactive, unknown_reference

HTML = "text/html; charset=utf-8"
SYSTEM, AUTHORIZATION = "SystemFault", "AuthorizatonFault"  # the second is misspelt in Intuit's schema too


def unauthenticated(detail: str | None) -> GatewayFault:
    return GatewayFault(
        status=401, code="3200", kind="AUTHENTICATION", detail=detail,
        message="message=AuthenticationFailed; errorCode=003200; statusCode=401",
    )  # fmt: skip


def not_authorized() -> GatewayFault:
    return GatewayFault(
        status=403, code="3100", kind="SERVICE", detail=None,
        message="message=ApplicationAuthorizationFailed; errorCode=003100; statusCode=403",
    )  # fmt: skip


def throttled() -> GatewayFault:
    return GatewayFault(
        status=429, code="3001", message="message=ThrottleExceeded; errorCode=003001; statusCode=429", detail=None,
        kind="SERVICE",
    )  # fmt: skip


def no_access(status: int = 401) -> Fault:
    """The person who connected is no longer in the company, or no longer an administrator."""
    return Fault(error("120", "AuthorizationFailure", words("qbo_no_access")), kind=AUTHORIZATION, status=status)


def stale() -> Fault:
    """The words of a recorded answer."""
    detail = (
        "Stale Object Error : You and A User were working on this at the same time. A User finished before you did, so"
        " your work was not saved."
    )
    return Fault(error("5010", "Stale Object Error", detail))


def unexpected() -> Fault:
    """Told for a passing trouble after which the entry may well stand in the books."""
    detail = (
        "Business Validation Error: An unexpected error occurred while accessing or saving your data. Please wait a few"
        " minutes and try again. If the problem persists, contact customer support."
    )
    return Fault(error("6000", BUSINESS_RULE, detail))


# What the accounting service says: also what one item of a batch can say.
FAULTS: dict[str, tuple[str, Callable[[], Fault]]] = {
    "no_access": ("120 in a 401: the connecting person lost access", no_access),
    "no_access_in_500": ("120 inside an HTTP 500", lambda: no_access(500)),
    "locked_out": (
        "140: the company is locked out", lambda: Fault(error("140", *[words("qbo_locked_out")] * 2), kind=SYSTEM)
    ),
    "under_maintenance": (
        "150: the company is under maintenance",
        lambda: Fault(error("150", *[words("qbo_under_maintenance")] * 2), kind=SYSTEM),
    ),
    "duplicate_request": (
        "600: duplicate request id",
        lambda: Fault(error("600", "Duplicate Request ID", words("qbo_duplicate_request"))),
    ),
    "made_inactive": ("610: an account was made inactive", made_inactive),
    "unknown_account": ("2500: account 33 is not there", lambda: unknown_reference("Accounts", "33")),
    "stale": ("5010: someone else changed it first", stale),
    "no_permission": (
        "5020: permission denied", lambda: Fault(error("5020", "Permission Denied Error", words("qbo_no_permission")))
    ),
    "unexpected_error": ("6000: an unexpected error; the entry may have been saved", unexpected),
    "subscription_lapsed": (
        "6190: the subscription ended",
        lambda: Fault(error("6190", "Invalid Company Status", words("qbo_subscription_lapsed"))),
    ),
    "throttled_item": (
        "3001 from the accounting service, as one item of a batch tells it",
        lambda: Fault(error("3001", "ThrottleExceeded", words("qbo_item_throttled")), kind=SYSTEM, status=429),
    ),
    "unauthenticated_item": (
        "3200 from the accounting service, as one item of a batch tells it",
        lambda: Fault(
            error("3200", "AuthenticationFailed", words("qbo_item_unauthenticated")), kind="AuthenticationFault",
            status=401,
        ),
    ),
    "period_closed": ("6210: the books are closed", closed_period),
    "tax_account": (
        "6470: a guarded sales tax account", lambda: Fault(error("6470", *[words("qbo_tax_account")] * 2))
    ),
    "system_failure": (
        "10000 in a 500",
        lambda: Fault(
            error("10000", "An application error has occurred while processing your request", "System Failure Error"),
            kind=SYSTEM, status=500,
        ),
    ),
    "company_reset": (
        "10200: the company was reset", lambda: Fault(error("10200", *[words("qbo_company_reset")] * 2), kind=SYSTEM)
    ),
}  # fmt: skip


def told_as_fault(make: Callable[[], Fault]) -> Callable[[], Response]:
    return lambda: respond(fault_answer(make()))


def fault_in_200() -> Response:
    """Intuit answers HTTP 200 with a Fault inside at times: whoever looks at the status alone is deceived."""
    fault = unexpected()
    fault.status = 200
    return respond(fault_answer(fault))


def expired() -> Response:
    """401 with the caller's own token in its detail, as Intuit sends it."""
    return respond(gateway_answer(unauthenticated(f"Token expired: {bearer_token()}")))


def invalid_grant(members: str = "") -> str:
    return f'{{"error":"invalid_grant"{members}}}'


USER_NOT_IN_REALM = invalid_grant(
    ',"error_description":"Unauthorized Request: User is not a member of the specified Realm",'
    '"x_error_reason":"user_not_in_realm","x_error_reason_detail":"The user is not in the specified realm"'
)
# A 401 that came as XML although JSON was asked for.
GENERAL_AUTHENTICATION_XML = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?><IntuitResponse'
    ' xmlns="http://schema.intuit.com/finance/v3" time="2026-03-02T04:00:00.000-08:00"><Fault'
    ' type="AuthenticationFault"><Error code="100"><Message>General Authentication Error</Message>'
    "<Detail>SRV-110-Authentication Failure , statusCode: 401</Detail></Error></Fault></IntuitResponse>"
)

ANSWERS: dict[str, Named] = {
    **{name: Named(about, told_as_fault(make)) for name, (about, make) in FAULTS.items()},
    "fault_in_200": Named("6000 unexpected error inside an HTTP 200", fault_in_200),
    "throttled": Named("429 in the gateway's shape", lambda: respond(gateway_answer(throttled()))),
    "throttled_xml": recorded("qbo_throttle_429.xml", 429, XML, "429 as XML although JSON was asked for"),
    "throttled_403_xml": recorded("qbo_throttle_403.xml", 403, XML, "throttled in the older way, 403"),
    "token_expired": Named("401 with the caller's token in its detail", expired),
    "token_expired_recorded": recorded("qbo_token_expired_401.json", 401, JSON, "401, the token blanked out"),
    "unauthenticated_xml": plain(GENERAL_AUTHENTICATION_XML, 401, XML, "401 code 100 as XML"),
    "not_authorized": Named("403, 3100: not this app's company", lambda: respond(gateway_answer(not_authorized()))),
    "batch_610_5010": recorded("qbo_batch_faults_610_5010.json", 200, JSON, "610 for bid2, 5010 for bid3"),
    "unsupported_operation": recorded("qbo_unsupported_operation_500.json", 400, JSON, "code 500 in an HTTP 400"),
    "unsupported_property": recorded("qbo_unsupported_property_2010.json", 400, JSON, "2010"),
    "duplicate_name": recorded("qbo_validation_6240.json", 400, JSON, "6240"),
    "duplicate_name_xml": recorded("qbo_duplicate_6240.xml", 400, XML, "6240 as XML"),
    "bad_query_xml": recorded("qbo_query_validation.xml", 400, XML, "4001 as XML"),
    "system_failure_xml": recorded("qbo_generic.xml", 500, XML, "10000 as XML"),
    "html_502": plain("<html><body><h1>502 Bad Gateway</h1></body></html>", 502, HTML, "a proxy's page"),
    "html_503": plain("<html><body><h1>Service Unavailable</h1></body></html>", 503, HTML, "a proxy's page"),
    "html_504": plain("<html><body><h1>504 Gateway Time-out</h1></body></html>", 504, HTML, "nobody knows the outcome"),
    "empty_500": plain("", 500, HTML, "a server error without a body"),
    "user_not_in_realm": plain(USER_NOT_IN_REALM, 400, "application/json", "token: the person left the company"),
    "invalid_grant": plain(invalid_grant(), 400, "application/json", "token: invalid_grant alone"),
    "token_invalid": plain(
        invalid_grant(',"error_description":"Token invalid"'), 400, "application/json", "token: invalid_grant"
    ),
    "invalid_client": plain('{"error":"invalid_client"}', 401, "application/json", "token: wrong id or secret"),
}


# States a company can be put in; each answers every call with the fault of its name.
COMPANY_STATES = ("subscription_lapsed", "locked_out", "under_maintenance", "company_reset")


def company_trouble(state: str) -> Fault | None:
    """What every call about a company in this state is told; None for one that is well."""
    return FAULTS[state][1]() if state in COMPANY_STATES else None
