"""PostgreSQL, the store of several processes."""
