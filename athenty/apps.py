from django.apps import AppConfig


class AthentyConfig(AppConfig):
    name = "athenty"

    def ready(self) -> None:
        from athenty import checks  # noqa: F401  registers the checks
