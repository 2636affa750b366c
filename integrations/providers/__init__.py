"""The providers, by name. Only this module imports a provider's package; a third one is a folder and a line here."""

from integrations.providers.base import Provider
from integrations.providers.quickbooks.adapter import QuickBooksOnline
from integrations.providers.xero.adapter import Xero

PROVIDERS: dict[str, Provider] = {
    "quickbooks": QuickBooksOnline(),
    "xero": Xero(),
}
