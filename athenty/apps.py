from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class AthentyConfig(AppConfig):
    name = "athenty"

    def ready(self) -> None:
        from athenty import checks  # noqa: F401  registers the checks


class OperatorsConfig(AdminConfig):
    """Django's admin as the operators' pages."""

    default_site = "athenty.organizations.ops.OperatorsSite"
