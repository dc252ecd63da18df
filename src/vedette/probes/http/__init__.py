"""The check type remote.http."""

from vedette.probes.http.probe import HttpProbe

__all__ = ["HttpProbe"]
