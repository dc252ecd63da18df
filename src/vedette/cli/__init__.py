"""The command line. What only a server needs is imported by the command that needs it."""
