"""Folders that the tests of one process use one after another: dbt parses the project anew where a home's path is another."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Place:
    """A folder that one test has to itself."""

    folder: Path

    @property
    def home(self) -> Path:
        """The home; empty, and beside it nothing."""
        return self.folder / "test" / "home"

    def target(self, engine: str) -> Path:
        """Where dbt keeps what it parsed for an engine; it stays for the next test."""
        return self.folder / f"target_{engine}"


class Places:
    """The places of a process, as many as tests of it hold at once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._taken: set[int] = set()

    @contextmanager
    def take(self, left: Path) -> Iterator[Place]:
        """Hold a place; at the end what the test made is moved into `left`."""
        number = next(number for number in itertools.count() if number not in self._taken)
        place = Place(self._root / str(number))
        place.home.mkdir(parents=True)
        self._taken.add(number)
        try:
            yield place
        finally:
            place.home.parent.rename(left / "deployment")
            self._taken.remove(number)
