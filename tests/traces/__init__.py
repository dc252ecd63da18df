"""Generated months: what really happens to a target and to a host, what is seen of it, and who is told."""
