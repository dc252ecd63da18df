-- `?label=` filters of lists.
CREATE INDEX document_by_label ON document (tenant_id, kind, label, id);
