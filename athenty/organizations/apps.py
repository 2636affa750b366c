from django.apps import AppConfig


class OrganizationsConfig(AppConfig):
    name = "athenty.organizations"
    label = "organizations"
