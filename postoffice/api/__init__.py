"""The REST door (v1) for CRMs and ERPs, the door of the printers' agents, and what machines ask of the office's health."""

from postoffice.api.agent import add_agent
from postoffice.api.health import add_health
from postoffice.api.router import add_api

__all__ = ["add_agent", "add_api", "add_health"]
