"""The composition root: everything is put together here and nowhere else."""

from vedette.app.application import App
from vedette.app.running import serve

__all__ = ["App", "serve"]
