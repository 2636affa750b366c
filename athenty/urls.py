"""Every address of the product."""

from django.contrib import admin
from django.urls import include, path

from athenty import http

admin.autodiscover()

urlpatterns = [
    path("", http.home, name="home"),
    path("healthz", http.healthz, name="healthz"),
    path("", include("athenty.organizations.urls")),
    path("ops/", admin.site.urls),
    path("settings/integrations/", include("integrations.urls")),
    path("settings/trust-accounting/", include("ledger.urls")),
    path("settings/audit-log/", include("audit.urls")),
]

handler403 = "athenty.error_pages.permission_denied"
handler500 = "athenty.error_pages.server_error"
