"""What the system does: one module per noun or verb, over ports and the pure core."""
