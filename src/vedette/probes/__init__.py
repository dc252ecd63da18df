"""Remote check types: one module each, made to be alike. A probe never raises for what its target does."""
