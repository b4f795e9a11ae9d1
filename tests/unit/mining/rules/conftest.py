"""Clean rows in a dataset of their own, as the step of mining opens them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tasks.dataset import Dataset, DatasetWriter
from tasks.mining.rows import MiningRows
from tasks.preparation import Preparation

OpenRows = Callable[..., MiningRows]


@pytest.fixture
def open_rows(tmp_path: Path) -> OpenRows:
    """Write columns as a clean dataset and open it; ``split`` is train throughout unless given."""

    def write(
        columns: dict[str, Any],
        preparation: Preparation | None = None,
        rows_per_partition: int = 1000,
    ) -> MiningRows:
        n_rows = len(next(iter(columns.values())))
        ids = {"id": [f"r{i}" for i in range(n_rows)], "split": ["train"] * n_rows}
        table = pa.table({**ids, **columns})
        folder = tmp_path / f"clean{len(list(tmp_path.iterdir()))}"
        with DatasetWriter(folder, table.schema, rows_per_partition=rows_per_partition) as writer:
            writer.write(table)
        return MiningRows(
            Dataset.open(folder), preparation or Preparation(None, (), None, None, ())
        )

    return write
