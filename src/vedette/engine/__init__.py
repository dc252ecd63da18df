"""The alarm engine: from observations to a state, as pure functions."""
