"""The agent protocol, both sides: bytes in, events out. No I/O, no clock, no chance.

One JSON object a line over TLS. `server` is our side towards agents, `client` is our own agent's side; `framing` cuts
lines, `envelope` tells requests from responses, `metrics` reads the many forms of numbers that agents send.
"""
