from django.urls import path

from ledger.views import accounts, entering, journal, trial_balance

app_name = "ledger"
urlpatterns = [
    path("", journal.trust_accounting, name="trust_accounting"),
    path("post/", entering.post_entry, name="post"),
    path("entries/<int:number>/", journal.show_entry, name="entry"),
    path("entries/<int:number>/reverse/", entering.reverse_entry, name="reverse"),
    path("accounts/", accounts.chart, name="chart"),
    path("accounts/<slug:number>/", accounts.account, name="account"),
    path("trial-balance/", trial_balance.trial_balance, name="trial_balance"),
    path("trial-balance/csv/", trial_balance.trial_balance_csv, name="trial_balance_csv"),
]
