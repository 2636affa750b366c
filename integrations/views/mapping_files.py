"""The mapping as a file: downloading it, and showing what an uploaded one would change before anything is saved."""

from uuid import UUID

from django.http import HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.http import require_POST, require_safe

from athenty.organizations.access import admin_required
from integrations.forms import loaded_field
from integrations.mapping import files
from integrations.mapping.reports import MappingTable, mapping_table
from integrations.models import ChartAccount, Connection
from integrations.views.connected import PageRequest, connection_or_404, refused


@admin_required
@require_safe
def download(request: PageRequest, connection_id: UUID) -> HttpResponse:
    connection = connection_or_404(request, connection_id)
    response = HttpResponse(files.as_csv(mapping_table(connection)), content_type="text/csv; charset=utf-8")
    name = f"mapping-{connection.organization.slug}-{connection.provider_name}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@admin_required
@require_POST
def upload(request: PageRequest, connection_id: UUID) -> HttpResponse:
    """A preview. Its button sends the rows that can stand to where the table itself is saved."""
    connection = connection_or_404(request, connection_id)
    if not connection.is_connected:
        return refused(request, connection.provider_name, "Connect first: the mapping can be changed while connected.")
    sent = request.FILES.get("file")
    if sent is None:
        return _preview(
            request, connection, error="Choose a file: the mapping as you downloaded it, with your changes."
        )
    table = mapping_table(connection)
    try:
        # One byte more than allowed shows that it is too long, whatever its length.
        proposal = files.read_proposal(connection, table, sent.read(files.MAX_BYTES + 1))
    except files.UnreadableFile as unreadable:
        return _preview(request, connection, error=str(unreadable))
    return _preview(request, connection, proposal=proposal, table=table)


def _preview(
    request: PageRequest,
    connection: Connection,
    *,
    proposal: files.Proposal | None = None,
    table: MappingTable | None = None,
    error: str = "",
) -> HttpResponse:
    rows = proposal.rows if proposal else []

    def shown(target: ChartAccount | None) -> str:
        return table.names.label(target) if table and target else ""

    context = {
        "connection": connection,
        "provider": connection.provider,
        "proposal": proposal,
        "error": error,
        "fields": [(row.row.account.pk, shown(row.target)) for row in rows],
        "loaded": loaded_field((row.row.account.pk, row.saved_id, shown(row.row.target)) for row in rows),
    }
    return TemplateResponse(request, "integrations/mapping_upload.html", context, status=422 if error else 200)
