"""Chunks: observations and rollups by the column, compressed, a row of the database each."""
