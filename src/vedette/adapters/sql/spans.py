"""A page of a time series as clauses; keys are compared as bytes."""

from __future__ import annotations

from vedette.adapters.sql.database import Value
from vedette.ports.history import Span


def page(select: str, span: Span, order_by: str = "key") -> tuple[str, dict[str, Value]]:
    """The statement that gives the page, from one that ends with a `WHERE` to which clauses can be added."""
    params: dict[str, Value] = {"first": span.first, "last": span.last, "limit": span.limit}
    sql = f"{select} AND key >= :first AND key < :last"
    if span.marker is not None:
        sql += " AND key <= :marker" if span.reverse else " AND key >= :marker"
        params["marker"] = span.marker
    return f"{sql} ORDER BY {order_by} {'DESC' if span.reverse else 'ASC'} LIMIT :limit", params
