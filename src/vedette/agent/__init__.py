"""The host agent: runs the checks of its host and posts what they say; it reaches the server by `wire` only."""
