"""Notifiers: one module per notification type, alike enough to copy."""
