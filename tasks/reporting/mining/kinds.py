"""Which kinds of mining the report knows, in its order.

Used by ``tasks.reporting.step``.
"""

from __future__ import annotations

from pathlib import Path

from tasks.reporting.mining.clusters import ClustersFindings
from tasks.reporting.mining.findings import Findings, MiningSection, Problem, read_json
from tasks.reporting.mining.pca import PcaFindings
from tasks.reporting.mining.rules import RulesFindings
from tasks.reporting.mining.tree import TreeFindings

_KINDS: tuple[type[Findings], ...] = (PcaFindings, ClustersFindings, RulesFindings, TreeFindings)
_BY_NAME = {kind.KIND: kind for kind in _KINDS}
MINED = tuple(_BY_NAME)
PROBLEM_FILE = "problem.json"


def read_findings(kind: str, folder: Path) -> MiningSection:
    """Read what one kind of mining found, or why it found nothing.

    Parameters
    ----------
    kind : str
        One of :data:`MINED`.
    folder : Path
        As its step handed it over.
    """
    cls = _BY_NAME[kind]
    if (folder / PROBLEM_FILE).exists():
        return Problem(read_json(folder / PROBLEM_FILE), kind=kind, title=cls.TITLE)
    return cls.read(folder)
