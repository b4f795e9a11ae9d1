"""Proposed suites: what they promise, and that they hold on the data they came from."""

from __future__ import annotations

import datetime
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pytest

from tasks.dataset import Dataset, DatasetWriter, array_to_tensor_column
from tasks.ingestion.builtin import read_sklearn
from tasks.ingestion.raw import shape_raw_rows
from tasks.validation.checks import judge
from tasks.validation.column_profile import ColumnProfile, profile_columns
from tasks.validation.docs import render_data_docs
from tasks.validation.proposal import propose_suite, write_suite
from tasks.validation.suites import read_suite
from tasks.validation.view import TypedView, open_view
from tasks.workflow import Columns, SklearnSource, Workflow

OpenTable = Callable[..., TypedView]
NIGHT = datetime.date(2026, 1, 1)


def number(name: str = "x", **changes: Any) -> ColumnProfile:
    """A thousand numbers from 10 to 20."""
    figures = {"n_missing": 0, "least": 10.0, "greatest": 20.0, "mean": 15.0, "std": 2.0, **changes}
    return ColumnProfile(name=name, kind="number", n_rows=1000, **figures)


def text(name: str, counts: dict[str, int], n_rows: int = 1000, **changes: Any) -> ColumnProfile:
    return ColumnProfile(
        name=name, kind="text", n_rows=n_rows, n_missing=0, n_distinct=len(counts),
        counts=tuple(counts.items()), least=1.0, greatest=4.0, **changes,
    )  # fmt: skip


def propose(*profiles: ColumnProfile, stage: Any = "raw", **columns: Any) -> list[dict[str, Any]]:
    """What is proposed besides the three promises of the table."""
    parts = {"target": "label", "features": ["x"], **columns}
    suite = propose_suite("a_raw", profiles, Columns.model_validate(parts), stage)
    json.dumps(suite, allow_nan=False)
    return [
        {"type": e["type"].removeprefix("expect_"), **e["kwargs"], "severity": e["severity"]}
        for e in suite["expectations"][3:]
    ]


def find(proposed: list[dict[str, Any]], type_: str) -> dict[str, Any]:
    (found,) = [e for e in proposed if e["type"] == type_]
    return found


def test_the_table_is_promised_rows_and_columns() -> None:
    """Half of today's rows at least; ten times as many are warned of."""
    suite = propose_suite("a_raw", [number()], Columns(target="label", features=("x",)), "raw")
    low, high, names = (e["kwargs"] for e in suite["expectations"][:3])
    assert (low, high) == ({"min_value": 500}, {"max_value": 10000})
    assert names == {"column_set": ["x"], "exact_match": False}
    assert [e["severity"] for e in suite["expectations"][:3]] == ["critical", "warning", "critical"]
    assert all(e["notes"] for e in suite["expectations"])


def test_ranges_and_means_have_slack() -> None:
    """A tenth of the range; a quarter of the standard deviation, which here is above 3 errors."""
    proposed = propose(number())
    between = find(proposed, "column_values_to_be_between")
    assert (between["min_value"], between["max_value"], between["severity"]) == (
        9.0,
        21.0,
        "warning",
    )
    mean = find(proposed, "column_mean_to_be_between")
    assert (mean["min_value"], mean["max_value"]) == (14.5, 15.5)


@pytest.mark.parametrize(
    ("figures", "low", "high"),
    [
        ({"least": 0.5, "greatest": 20.0}, 0.0, 22.0),  # nothing is negative today
        ({"least": -0.5, "greatest": 9.5}, -1.5, 10.5),
        ({"least": 5.0, "greatest": 5.0}, 4.5, 5.5),
        ({"least": 0.0, "greatest": 0.0}, 0.0, 1.0),
        ({"least": 0.1, "greatest": 0.30000000000000004}, 0.08, 0.321),
    ],
)
def test_bounds_are_round_and_outside(figures: dict[str, float], low: float, high: float) -> None:
    """Three digits of the range, never inside."""
    between = find(propose(number(**figures)), "column_values_to_be_between")
    assert (between["min_value"], between["max_value"]) == (low, high)


def test_bounds_past_the_floats_are_left_out() -> None:
    """JSON knows no infinity."""
    figures = {"least": -1.7e308, "greatest": 1.7e308, "mean": None, "std": None}
    assert [e["type"] for e in propose(number(**figures))] == ["column_values_to_not_be_null"]


def test_missing_values_have_slack() -> None:
    """Of 20 % half as many again and 2 % more are borne: 68 % must be there."""
    (presence, *_) = propose(number(n_missing=200))
    assert (presence["mostly"], presence["severity"]) == (0.68, "warning")


def test_an_empty_column_promises_nothing() -> None:
    """Neither presence nor range."""
    figures = {"n_missing": 1000, "least": None, "greatest": None, "mean": None, "std": None}
    assert propose(number(**figures)) == []


def test_clean_features_are_complete() -> None:
    """A missing one stops the night; what is only kept may be missing."""
    clean = propose(number("x"), number("y"), stage="clean", keep=["y"])
    presence = [(e["column"], e["severity"]) for e in clean if "null" in e["type"]]
    assert presence == [("x", "critical"), ("y", "warning")]


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        (text("city", {"b": 600, "a": 400}), ("column_values_to_be_in_set", "warning", 0.95)),
        (text("label", {"b": 600, "a": 400}), ("column_values_to_be_in_set", "critical", None)),
        (text("label", {"b": 2, "a": 2}, n_rows=4), ("column_values_to_be_in_set", "critical", None)),
        (text("city", {"b": 2, "a": 2}, n_rows=4), ("column_value_lengths_to_be_between", "warning", None)),
        (text("city", {str(i): 1 for i in range(31)}), ("column_value_lengths_to_be_between", "warning", None)),
    ],
)  # fmt: skip
def test_few_and_frequent_texts_are_categories(
    profile: ColumnProfile, expected: tuple[str, str, float | None]
) -> None:
    """At most 30 and below 5 % of the rows; classes are a fact however few the rows are."""
    found = propose(profile)[-1]
    assert (found["type"], found["severity"], found.get("mostly")) == expected
    if "value_set" in found:
        assert found["value_set"] == ["a", "b"]


def test_an_id_is_unique_only_if_it_was() -> None:
    """A promise that fails today is none."""
    unique, repeated = (text("id", {"a": 1}, is_unique=flag) for flag in (True, False))
    assert [e["type"] for e in propose(unique)] == [
        "column_values_to_not_be_null",
        "column_values_to_be_unique",
    ]
    assert [e["type"] for e in propose(repeated)] == ["column_values_to_not_be_null"]


def test_a_series_promises_its_beginning_and_order() -> None:
    """Its end moves on every night; the longest step is told in the notes."""
    first, last = (datetime.datetime(y, 1, 1, tzinfo=datetime.UTC) for y in (1, 9999))
    time = ColumnProfile(
        name="t", kind="date", n_rows=9, n_missing=0, least=first, greatest=last,
        is_increasing=True, largest_step=604800.0,
    )  # fmt: skip
    suite = propose_suite("a", [time], Columns(features=("x",), time="t"), "raw")
    *_, begin, order = suite["expectations"]
    assert begin["kwargs"] == {"column": "t", "min_value": "0001-01-01T00:00:00"}
    assert order["type"] == "expect_column_values_to_be_increasing"
    assert "7 days, 0:00:00" in order["notes"]


def judge_proposal(view: TypedView, columns: Columns, folder: Path) -> list[str]:
    """Propose from a dataset, judge it by that, and list what fails."""
    own_id = columns.id or "id"
    unique = [own_id] if own_id in view.column_names else []
    suite = propose_suite("own_raw", profile_columns(view, unique=unique), columns, "raw")
    path = folder / "own_raw.json"
    path.write_text(write_suite(suite), encoding="utf-8")
    judgement = judge(view, read_suite(path))
    page = render_data_docs(judgement.judged, judgement.result, "own")
    assert "<script" not in page
    return [e.in_words for e in judgement.result.expectations if not e.success]


HOSTILE = "<script>alert(1)</script> [bold]$x ${y} \\ \" ' \n\u202e\U0001f642"


def test_a_proposal_holds_on_hostile_data(open_table: OpenTable, tmp_path: Path) -> None:
    """Markup, infinities, dates far off, nothing at all, one value only, names of all kinds."""
    n = 200
    days = [datetime.datetime(y, 1, 1, tzinfo=datetime.UTC) for y in (1, 1969, 2263, 9999)]
    table = pa.table(
        {
            "id": [str(i) for i in range(n)],
            "label": ["one"] * n,
            "x": [float("inf"), float("nan"), None, *np.linspace(-1, 1e9, n - 3)],
            "ends": [1.7e308, -1.7e308] * (n // 2),
            "tiny": [5e-324] * n,
            "day": pa.array(days * (n // 4), pa.timestamp("us", "UTC")),
            "none": pa.nulls(n),
            "no number": pa.nulls(n, pa.float64()),
            HOSTILE: [HOSTILE, "b"] * (n // 2),
            "many": [HOSTILE * (i % 50) for i in range(n)],
            "yes": [True, False] * (n // 2),
            "list": [[1]] * n,
        }
    )
    columns = Columns(target="label", features=("x",), keep=("day",))
    assert judge_proposal(open_table(table), columns, tmp_path) == []


def test_a_proposal_holds_on_images(open_table: OpenTable, tmp_path: Path) -> None:
    """Noise and NaN, with a shape that is a fact."""
    pixels = np.random.default_rng(7).random((50, 2, 3, 1), dtype=np.float32)
    pixels[0, 0] = np.nan
    table = pa.table({"image": array_to_tensor_column(pixels), "label": [0, 1] * 25})
    columns = Columns.model_validate({"target": "label", "image": {"tensor": [2, 3, 1]}})
    view = open_table(table)
    assert judge_proposal(view, columns, tmp_path) == []
    suite = propose_suite("a", profile_columns(view), columns, "raw")
    shape = [e for e in suite["expectations"] if e["kwargs"].get("column") == "image_width"]
    assert [(e["kwargs"]["value_set"], e["severity"]) for e in shape] == [([3], "critical")]


@pytest.mark.parametrize("name", ["digits", "wine", "breast_cancer"])
def test_a_proposal_holds_on_built_in_data(
    name: Any, open_table: OpenTable, tmp_path: Path
) -> None:
    """Every promise, the warnings too."""
    image = {"image": {"tensor": [8, 8, 1]}}
    parts = list(read_sklearn(SklearnSource(kind="sklearn", dataset=name), NIGHT))
    others = [n for n in parts[0].rows.schema.names if n not in {"label", "target", "id"}]
    target = "label" if name == "digits" else "target"
    columns = Columns.model_validate(
        {"target": target, **(image if name == "digits" else {"features": others})}
    )
    rows = [shape_raw_rows(part, columns, has_split=False) for part in parts]
    assert judge_proposal(open_table(pa.Table.from_batches(rows)), columns, tmp_path) == []


@pytest.mark.parametrize(
    ("file", "n_bytes", "columns"),
    [
        ("penguins.csv", None, {"target": "species", "features": ["bill_length_mm", "body_mass_g"], "keep": ["island", "sex"]}),
        ("nycflights13_flights.csv.gz", 2_000_000, {"target": "origin", "features": ["dep_delay", "distance", "air_time"], "keep": ["tailnum", "carrier"]}),
    ],
)  # fmt: skip
def test_a_proposal_holds_on_real_data(
    real_data: Path, tmp_path: Path, file: str, n_bytes: int | None, columns: dict[str, Any]
) -> None:
    """Text as it comes from a CSV file, with its missing values."""
    path = real_data / file
    if n_bytes is None:
        content = path.read_bytes()
    else:
        with gzip.open(path) as stream:
            content = stream.read(n_bytes)
        content = content[: content.rindex(b"\n") + 1]
    header = content.split(b"\n", 1)[0].decode().strip().replace('"', "").split(",")
    table = pacsv.read_csv(
        pa.BufferReader(content),
        convert_options=pacsv.ConvertOptions(column_types=dict.fromkeys(header, pa.string())),
    ).select([*columns["features"], columns["target"], *columns["keep"]])
    workflow = Workflow.model_validate(
        {
            "name": "real", "description": "Test.", "columns": columns,
            "source": {"kind": "files", "path": "*.csv"}, "split": {"by": "hash"},
            "expectations": {"raw": "own_raw", "clean": "own_clean"},
            "cleaning": [{"mark_missing": {"values": ["NA"]}}],
        }
    )  # fmt: skip
    with DatasetWriter(tmp_path / "raw", table.schema) as writer:
        writer.write(table)
    view = open_view(Dataset.open(tmp_path / "raw"), workflow, "raw")
    assert judge_proposal(view, workflow.columns, tmp_path) == []
    means = {p.name: p.mean for p in profile_columns(view)}
    assert all(means[name] is not None for name in columns["features"])
