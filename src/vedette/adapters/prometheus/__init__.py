"""Metric points in a store that speaks Prometheus' protocols: remote write out, PromQL in."""
