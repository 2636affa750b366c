from django.urls import path

from ledger import views

app_name = "ledger"
urlpatterns = [
    path("", views.trust_accounting, name="trust_accounting"),
    path("entries/<int:number>/", views.entry, name="entry"),
    path("entries/<int:number>/reverse/", views.reverse, name="reverse"),
]
