from django.apps import AppConfig


class LocalConfig(AppConfig):
    name = "athenty.local"
