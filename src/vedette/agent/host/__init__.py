"""What this host is like: read from the operating system, for checks and for host info alike. It may hang."""
