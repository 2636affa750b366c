from django.urls import path

from integrations.views import (
    activity,
    activity_entry,
    callbacks,
    connecting,
    connections,
    index,
    mapping,
    mapping_files,
    sync_mode,
    tie_out,
    trial_balance,
)

app_name = "integrations"
urlpatterns = [
    path("", index.integrations, name="index"),
    path("sync-mode/", sync_mode.save, name="sync_mode"),
    path("sync-mode/flush/", sync_mode.flush, name="flush"),
    path("activity/", activity.activity, name="activity"),
    path("activity/csv/", activity.download, name="activity_csv"),
    path("activity/retry/", activity_entry.retry_all, name="activity_retry_all"),
    path("activity/<int:row_id>/", activity_entry.show, name="activity_entry"),
    path("activity/<int:row_id>/retry/", activity_entry.retry, name="activity_retry"),
    path("activity/<int:row_id>/decide/", activity_entry.decide, name="activity_decide"),
    path("tie-out/", tie_out.tie_out, name="tie_out"),
    path("tie-out/csv/", tie_out.download, name="tie_out_csv"),
    path("tie-out/entries/", tie_out.entries, name="tie_out_entries"),
    path("<uuid:connection_id>/trial-balance/", trial_balance.compare, name="trial_balance"),
    path("<uuid:connection_id>/trial-balance/<int:check_id>/", trial_balance.result, name="trial_balance_result"),
    # One callback per provider: a code from one can never be taken for the other's.
    path("quickbooks/callback/", callbacks.quickbooks, name="quickbooks_callback"),
    path("xero/callback/", callbacks.xero, name="xero_callback"),
    path("<slug:provider_name>/connect/", connecting.connect, name="connect"),
    path("<slug:provider_name>/reconnect/", connecting.reconnect, name="reconnect"),
    path("<slug:provider_name>/disconnected/", connecting.disconnected_there, name="disconnected_there"),
    path("choose/<slug:reference>/", connecting.choose, name="choose"),
    path("<uuid:connection_id>/card/", index.card, name="card"),
    path("<uuid:connection_id>/test/", connections.test, name="test"),
    path("<uuid:connection_id>/start/", connections.start, name="start"),
    path("<uuid:connection_id>/disconnect/", connecting.disconnect, name="disconnect"),
    path("<uuid:connection_id>/mapping/", mapping.mapping, name="mapping"),
    path("<uuid:connection_id>/mapping/csv/", mapping_files.download, name="mapping_csv"),
    path("<uuid:connection_id>/mapping/upload/", mapping_files.upload, name="mapping_upload"),
    path("<uuid:connection_id>/party/<slug:party>/", mapping.create_party, name="create_party"),
    path("<uuid:connection_id>/chart/", mapping.refresh_chart, name="refresh_chart"),
]
