"""The providers, by name. Only this module knows their packages; a third one is one folder and one line here."""

from collections.abc import Iterator, Mapping
from functools import cache

from django.utils.module_loading import import_string

from integrations.providers.base import Provider

_ADAPTERS = {
    "quickbooks": "integrations.providers.quickbooks.adapter.QuickBooksOnline",
    "xero": "integrations.providers.xero.adapter.Xero",
}


@cache
def _adapter(name: str) -> Provider:
    adapter: Provider = import_string(_ADAPTERS[name])()
    return adapter


class _Providers(Mapping[str, Provider]):
    """Each is imported when first asked for: the SDKs take half a second, and migrations and beat need none."""

    def __getitem__(self, name: str) -> Provider:
        return _adapter(name)

    def __iter__(self) -> Iterator[str]:
        return iter(_ADAPTERS)

    def __len__(self) -> int:
        return len(_ADAPTERS)


PROVIDERS: Mapping[str, Provider] = _Providers()
