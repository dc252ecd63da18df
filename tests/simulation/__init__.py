"""The whole chain in virtual time: real engine, services and SQLite; simulated targets, network and deaths."""
