"""Four roles, each with all that the one before may do."""

from enum import Enum


class Role(str, Enum):
    """What a login may do: look, review and answer alarms, run devices and models, administer people."""

    VIEWER = "viewer"
    REVIEWER = "reviewer"
    ENGINEER = "engineer"
    ADMIN = "admin"

    def covers(self, needed: "Role") -> bool:
        """Whether this role may do what `needed` may."""
        order = list(Role)
        return order.index(self) >= order.index(needed)
