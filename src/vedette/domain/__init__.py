"""The nouns of the system: plain values, no I/O, no clock."""
