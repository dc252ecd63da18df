"""What the services need of the outside world: small protocols, one adapter or more behind each.

A write is a value. A store's writing methods do no I/O: they return a `Write`, and `Commit` makes several of them, of
several stores, one transaction. A write that found something else than it expected (compare-and-set by row count, a
parent that is gone, a reference still in use) raises `Conflict` with the guard's name, and nothing of the transaction
has happened.
"""
