"""What a sync says while it works."""

from __future__ import annotations

from typing import Protocol

from profiles_sync.landing.model import Progress


class Reporter(Protocol):
    """Follows a sync."""

    def phase(self, text: str) -> None:
        """A new phase begins."""

    def landing(self, progress: Progress) -> None:
        """Landing got further."""

    def table(self, table: str, index: int, total: int) -> None:
        """Dbt starts on a table, the `index`-th of `total`."""


class SilentReporter:
    """Says nothing: Dagster's own events are enough."""

    def phase(self, text: str) -> None:
        """Do nothing."""

    def landing(self, progress: Progress) -> None:
        """Do nothing."""

    def table(self, table: str, index: int, total: int) -> None:
        """Do nothing."""
