"""The handoff: the address of an artifact, all that travels between two tasks.

Ground module; small enough for Airflow's XCom, and enough to find the artifact and prove it unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True)
class Handoff:
    """Where an artifact lies in MLflow, and the digest that proves it.

    Parameters
    ----------
    run_id : str
        The step's MLflow run.
    path : str
        Artifact path in that run: a file or a folder.
    sha256 : str
        :func:`tasks.dataset.digest_folder` of its content.
    n_rows : int or None
        Rows, where it holds rows.
    """

    run_id: str
    path: str
    sha256: str
    n_rows: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Make a mapping that JSON and XCom can carry."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_json` made."""
        return cls(value["run_id"], value["path"], value["sha256"], value.get("n_rows"))
