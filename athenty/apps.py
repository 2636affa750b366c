from django.apps import AppConfig
from django.contrib.admin.apps import SimpleAdminConfig


class AthentyConfig(AppConfig):
    name = "athenty"

    def ready(self) -> None:
        from athenty import checks  # noqa: F401  registers the checks


class OperatorsConfig(SimpleAdminConfig):
    """Django's admin as the operators' pages. What is registered is found by `athenty.urls`: workers and beat have no
    pages, and hold less without them."""

    default_site = "athenty.organizations.ops.OperatorsSite"
