"""A dataset and a suite of a few lines, as the validation step opens them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tasks.dataset import Dataset, DatasetWriter
from tasks.validation.checks import Judgement, judge
from tasks.validation.suites import read_suite
from tasks.validation.view import TypedView


@pytest.fixture
def open_table(tmp_path: Path) -> Callable[..., TypedView]:
    """View a table as suites do; options as for TypedView."""

    def make(table: pa.Table, **options: Any) -> TypedView:
        folder = tmp_path / f"dataset-{len(list(tmp_path.iterdir()))}"
        with DatasetWriter(folder, table.schema) as writer:
            writer.write(table)
        return TypedView(Dataset.open(folder), **options)

    return make


@pytest.fixture
def judge_table(tmp_path: Path, open_table: Callable[..., TypedView]) -> Callable[..., Judgement]:
    """Judge a table by expectations."""

    def make(table: pa.Table, *expectations: dict[str, Any], **options: Any) -> Judgement:
        path = tmp_path / "x_raw.json"
        path.write_text(json.dumps({"name": "x_raw", "expectations": expectations}))
        return judge(open_table(table, **options), read_suite(path))

    return make
