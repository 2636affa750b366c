from django.urls import path

from integrations.views import callbacks, connections, index, mapping, mapping_files, sync_mode, unconfirmed

app_name = "integrations"
urlpatterns = [
    path("", index.integrations, name="index"),
    path("sync-mode/", sync_mode.save, name="sync_mode"),
    path("sync-mode/flush/", sync_mode.flush, name="flush"),
    # One callback per provider: a code from one can never be taken for the other's.
    path("quickbooks/callback/", callbacks.quickbooks, name="quickbooks_callback"),
    path("xero/callback/", callbacks.xero, name="xero_callback"),
    path("<slug:provider_name>/connect/", connections.connect, name="connect"),
    path("choose/<slug:reference>/", connections.choose, name="choose"),
    path("<uuid:connection_id>/card/", index.card, name="card"),
    path("<uuid:connection_id>/start/", connections.start, name="start"),
    path("<uuid:connection_id>/disconnect/", connections.disconnect, name="disconnect"),
    path("<uuid:connection_id>/retry/", connections.retry, name="retry"),
    path("<uuid:connection_id>/unconfirmed/<int:row_id>/", unconfirmed.decide, name="unconfirmed"),
    path("<uuid:connection_id>/mapping/", mapping.mapping, name="mapping"),
    path("<uuid:connection_id>/mapping/csv/", mapping_files.download, name="mapping_csv"),
    path("<uuid:connection_id>/mapping/upload/", mapping_files.upload, name="mapping_upload"),
    path("<uuid:connection_id>/party/<slug:party>/", mapping.create_party, name="create_party"),
    path("<uuid:connection_id>/chart/", mapping.refresh_chart, name="refresh_chart"),
]
