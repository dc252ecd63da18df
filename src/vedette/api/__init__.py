"""The HTTP door: REST v1.0 and Identity v2.0. One module a resource; what they share is here once."""
