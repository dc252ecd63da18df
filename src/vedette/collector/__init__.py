"""The remote checks of one zone: when they run, running them, reporting what they saw."""
