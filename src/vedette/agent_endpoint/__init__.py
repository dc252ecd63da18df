"""The agent endpoint: a TLS listener that carries bytes between sockets and `wire`, and wishes to the services."""

from vedette.agent_endpoint.limits import Limits
from vedette.agent_endpoint.listener import AgentEndpoint

__all__ = ["AgentEndpoint", "Limits"]
