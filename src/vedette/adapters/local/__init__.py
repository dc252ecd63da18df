"""What this machine gives: clock, chance, key file, certificates, the data directory."""
