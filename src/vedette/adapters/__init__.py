"""Technologies behind the ports: one package each, independent of one another."""
