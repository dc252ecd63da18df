"""Rollups: points condensed into windows of 5 to 1,440 minutes (reference: metrics, data granularity)."""
