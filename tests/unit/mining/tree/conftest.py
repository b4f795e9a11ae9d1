"""Rows for the tests of the tree: small tables and images as cleaning would hand them over."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tasks.dataset import Dataset, DatasetWriter, array_to_tensor_column
from tasks.mining.rows import MiningRows
from tasks.preparation import Preparation
from tasks.preparation.transformer import Transformer

MakeRows = Callable[..., MiningRows]


@pytest.fixture
def make_rows(tmp_path: Path) -> MakeRows:
    """Write columns as a clean dataset and open it; ``split`` is all training by default."""

    def make(
        columns: Mapping[str, Any],
        target: str | None = None,
        *,
        split: Sequence[str] | None = None,
        transformers: Sequence[Transformer] = (),
        images: np.ndarray | None = None,
        kind: str = "classification",
        rows_per_partition: int = 20_000,
    ) -> MiningRows:
        n_rows = len(next(iter(columns.values()))) if columns else len(images)
        parts = list(split) if split is not None else ["train"] * n_rows
        table = {"id": [f"r{i}" for i in range(n_rows)], "split": parts, **columns}
        if images is not None:
            table["image"] = array_to_tensor_column(images)
        rows = pa.table(table)
        folder = tmp_path / f"clean{len(list(tmp_path.iterdir()))}"
        with DatasetWriter(folder, rows.schema, rows_per_partition=rows_per_partition) as writer:
            writer.write(rows)
        classes: tuple[Any, ...] = ()
        if target is not None and kind == "classification":
            values = [v for v, p in zip(rows[target].to_pylist(), parts, strict=True)]
            classes = tuple(sorted({v for v in values if v is not None}))
        is_image = images is not None
        preparation = Preparation(
            target,
            classes,
            "image" if is_image else None,
            images.shape[1:] if is_image else None,
            () if is_image else tuple(n for n in columns if n != target),
            (),
            tuple(transformers),
            kind=kind,
        )
        return MiningRows(Dataset.open(folder), preparation)

    return make
