"""Benchmarks: Vedette beside a peer or the physical limit, in one run, on the same pinned core, as ratios."""
