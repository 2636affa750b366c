from django.urls import path

from ledger import views

app_name = "ledger"
urlpatterns = [
    path("", views.trust_accounting, name="trust_accounting"),
    path("entries/<int:number>/", views.show_entry, name="entry"),
    path("entries/<int:number>/reverse/", views.reverse_entry, name="reverse"),
]
