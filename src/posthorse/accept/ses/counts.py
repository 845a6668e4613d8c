"""Counts: how much each tenant sent by the SES API of late, as its quota and statistics tell it.

Promise: bounded: one point of `POINT_S` for a fortnight and tenant. Left out: what came by other fronts, and what was
before this process started (the measures and the spool know).
"""

from collections import deque
from dataclasses import dataclass

from posthorse.mail.ids import Tenant
from posthorse.mail.stream import SECOND

POINT_S = 900
POINTS = 14 * 86_400 // POINT_S
DAY_US = 86_400 * SECOND


@dataclass(slots=True)
class Point:
    """A quarter of an hour."""

    starts_at: int
    """Microseconds UTC."""
    accepted: int = 0
    """Recipients."""
    rejected: int = 0
    """Messages refused as not ours to send."""


class Counts:
    """One per node."""

    __slots__ = ("_points",)

    def __init__(self) -> None:
        self._points: dict[Tenant, deque[Point]] = {}

    def accepted(self, tenant: Tenant, recipients: int, now: int) -> None:
        """Mail was accepted for so many recipients."""
        self._current(tenant, now).accepted += recipients

    def rejected(self, tenant: Tenant, now: int) -> None:
        """A message was refused."""
        self._current(tenant, now).rejected += 1

    def sent_in_a_day(self, tenant: Tenant, now: int) -> int:
        """Recipients of the last 24 hours."""
        return sum(point.accepted for point in self._points.get(tenant, ()) if point.starts_at > now - DAY_US)

    def points(self, tenant: Tenant) -> list[Point]:
        """Those in which something happened, oldest first."""
        return list(self._points.get(tenant, ()))

    def _current(self, tenant: Tenant, now: int) -> Point:
        starts_at = now - now % (POINT_S * SECOND)
        points = self._points.get(tenant)
        if points is None:
            points = self._points[tenant] = deque(maxlen=POINTS)
        if not points or points[-1].starts_at != starts_at:
            points.append(Point(starts_at))
        return points[-1]
