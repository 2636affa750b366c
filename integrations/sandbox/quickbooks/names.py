"""QuickBooks Online's customers and vendors, as far as an app may add one that has nothing but a name."""

from typing import Any

from ..companies import Company, change_profile
from ..store import Store
from .bodies import Fault, error

FIRST_ADDED_ID = 2001  # above every id that a company starts with
NAME_LIMIT = 500


def create_name(store: Store, company: Company, kind: str, wanted: dict[str, Any]) -> dict[str, Any]:
    """Add a "Customer" or "Vendor" inside the caller's transaction. Raises Fault.

    Intuit keeps display names apart across customers, vendors and employees.
    """
    name = str(wanted.get("DisplayName") or "").strip()
    if not name:
        raise Fault(
            error("2020", "Required param missing, need to supply the required value for the API",
                  "Required parameter DisplayName is missing in the request", "DisplayName")
        )  # fmt: skip
    if unknown := set(wanted) - {"DisplayName"}:
        raise Fault(
            error("2010", "Request has invalid or unsupported property", f"Property Name:{min(unknown)} is unsupported")
        )
    if len(name) > NAME_LIMIT or any(character in name for character in ":\t\n"):
        raise Fault(error("2050", "Invalid String Length", f"DisplayName must have 1 to {NAME_LIMIT} characters"))
    names: dict[str, dict[str, str]] = company.profile["names"]
    if any(name.lower() == known.lower() for known_names in names.values() for known in known_names.values()):
        raise Fault(error("6240", "Duplicate Name Exists Error", "The name supplied already exists. : null"))
    name_id = str(store.next_number(f"quickbooks name {company.tenant_id}", first=FIRST_ADDED_ID))
    change_profile(store, company, {"names": names | {kind: names[kind] | {name_id: name}}})
    return {
        "DisplayName": name, "FullyQualifiedName": name, "PrintOnCheckName": name, "Active": True, "Balance": 0,
        "domain": "QBO", "sparse": False, "Id": name_id, "SyncToken": "0",
    }  # fmt: skip
