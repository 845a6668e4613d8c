"""Roles of a listener: what faces the internet is kept apart from what must not."""

from enum import Enum


class Role(Enum):
    """What an HTTP listener serves."""

    API = "api"
    """Where applications hand in mail."""
    HOOKS = "hooks"
    """Where providers send their notifications; may face the internet."""
    PUBLIC = "public"
    """What anybody may see: the status page."""
    ADMIN = "admin"
    """What operators see and do; must not face the internet."""
    METRICS = "metrics"
    """What the monitoring reads; must not face the internet."""
