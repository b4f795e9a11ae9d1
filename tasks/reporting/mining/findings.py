"""What one kind of mining found tonight: read from the folder it handed over, drawn and told.

Base of the modules beside it; ``tasks.reporting.step`` reads them, the catalogue draws them, the report
tells them.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

if TYPE_CHECKING:
    from tasks.reporting.chart import Chart


@dataclass(frozen=True)
class MiningSection(ABC):
    """A section of the report on one kind of mining.

    Parameters
    ----------
    document : mapping
        The JSON document that the kind's step wrote.
    """

    TEMPLATE: ClassVar[str]
    """The partial that shows it; ``found`` in it is what :meth:`tell` returns."""

    document: Mapping[str, Any]

    @property
    @abstractmethod
    def section(self) -> str:
        """Its name: the kind's key under ``mining``."""

    @property
    @abstractmethod
    def heading(self) -> str:
        """What stands over it."""

    @abstractmethod
    def draw(self) -> Iterator[Chart]:
        """Draw its charts, one at a time."""

    @abstractmethod
    def tell(self) -> Mapping[str, Any]:
        """Make what its partial shows: bounded in size, numbers unformatted."""


@dataclass(frozen=True)
class Findings(MiningSection):
    """What one kind of mining found.

    A subclass adds the arrays and tables that its charts need as fields.
    """

    KIND: ClassVar[str]
    """Its key under ``mining``."""
    TITLE: ClassVar[str]
    """Of its section."""

    @property
    def section(self) -> str:
        """Its name."""
        return self.KIND

    @property
    def heading(self) -> str:
        """What stands over it."""
        return self.TITLE

    @classmethod
    @abstractmethod
    def read(cls, folder: Path) -> Self:
        """Read from the folder that the kind's step wrote."""


@dataclass(frozen=True)
class Problem(MiningSection):
    """Why nothing could be found: ``what``, ``expected`` and ``hint``.

    Parameters
    ----------
    kind, title : str
        Of the kind that found nothing.
    """

    TEMPLATE: ClassVar[str] = "mining_problem.html"

    kind: str
    title: str

    @property
    def section(self) -> str:
        """Its name."""
        return self.kind

    @property
    def heading(self) -> str:
        """What stands over it."""
        return self.title

    def draw(self) -> Iterator[Chart]:
        """Draw nothing."""
        return iter(())

    def tell(self) -> Mapping[str, Any]:
        """Give the document as it is."""
        return self.document


def read_json(path: Path) -> Any:
    """Read a JSON document."""
    return json.loads(path.read_text(encoding="utf-8"))
