"""Real tables through the real steps: their published holes are found, and every row is accounted for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from walk_support import Walked, make_settings, walk, write_suite

from tasks.preparation import Preparation
from tasks.settings import Settings
from tasks.workflow import Workflow

pytestmark = pytest.mark.integration

FLIGHTS = [
    "dep_time", "dep_delay", "arr_time", "arr_delay", "carrier", "tailnum", "origin", "air_time",
    "distance", "hour", "minute",
]  # fmt: skip
FLIGHT_NUMBERS = [name for name in FLIGHTS if name not in {"carrier", "tailnum", "origin"}]
ADULT = [
    "age", "workclass", "fnlwgt", "education", "education_num", "marital_status", "occupation",
    "relationship", "race", "sex", "capital_gain", "capital_loss", "hours_per_week",
    "native_country", "income",
]  # fmt: skip
ADULT_NUMBERS = [
    "age", "fnlwgt", "education_num", "capital_gain", "capital_loss", "hours_per_week",
]  # fmt: skip
ADULT_TEXTS = [name for name in ADULT[:-1] if name not in ADULT_NUMBERS]
PENGUIN_MEASURES = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]
COUNT = "expect_table_row_count_to_be_between"
ANY_MISSING = {"mark_missing": {"values": ["NA"]}}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, _mlflow_template: Path) -> Settings:
    """One MLflow for all nights of this module, and suites that promise rows."""
    made = make_settings(tmp_path_factory.mktemp("real tables"), _mlflow_template)
    for name in ("flights", "adult", "penguins"):
        write_suite(made, f"{name}_raw", [{"type": COUNT, "kwargs": {"min_value": 344}}])
        write_suite(made, f"{name}_clean", [{"type": COUNT, "kwargs": {"min_value": 1}}])
    return made


def walk_table(
    settings: Settings, folder: Path, name: str, columns: dict[str, Any], **keys: Any
) -> Walked:
    """Walk a night of a file of the real data."""
    source = {"kind": "files", **keys.pop("source")}
    document = {
        "name": name,
        "description": "Real.",
        "source": source,
        "columns": columns,
        "expectations": {"raw": f"{name}_raw", "clean": f"{name}_clean"},
        "split": {"by": "hash", "validation": 0.1, "holdout": 0.2},
        **keys,
    }
    return walk(settings, folder, Workflow.model_validate(document))


def count_missing(walked: Walked) -> dict[str, int]:
    """Missing values on arrival by column, where there are any."""
    columns = walked.report["columns"].items()
    return {name: column["missing"] for name, column in columns if column["missing"]}


def check_complete(walked: Walked) -> None:
    """Check that no feature of a clean row is missing or infinite."""
    for name in walked.report["features"]:
        assert walked.clean[name].null_count == 0
        assert np.isfinite(walked.clean[name].to_numpy()).all()


def check_parity(walked: Walked, n_rows: int = 200) -> None:
    """Check that the preparation, written and read, cleans raw rows to the bits of the clean data."""
    preparation = Preparation.from_json(walked.preparation.to_json())
    cleaned = walked.clean.slice(walked.clean.num_rows // 3, n_rows)
    is_wanted = pc.is_in(walked.raw["id"], value_set=cleaned["id"].combine_chunks())
    raw = walked.raw.filter(is_wanted).select(preparation.columns)
    # Target encoding is cross-fitted: training rows see other figures than rows to predict.
    again = pa.Table.from_batches([preparation.clean(raw)])
    assert raw.num_rows == n_rows
    for name in preparation.features:
        assert again[name].to_numpy().tobytes() == cleaned[name].to_numpy().tobytes(), name


def test_the_flights_have_their_published_holes(real_data: Path, settings: Settings) -> None:
    """336,776 rows: nothing repeats, the holes are those of the README, and what is clean is whole."""
    walked = walk_table(
        settings,
        real_data,
        "flights",
        {"target": "origin", "features": [n for n in FLIGHTS if n != "origin"]},
        source={"path": "nycflights13_flights.csv.gz"},
        cleaning=[
            ANY_MISSING,
            {"convert": {"columns": FLIGHT_NUMBERS, "to": "number"}},
            {"convert": {"columns": ["carrier", "tailnum"], "to": "category"}},
            {"impute": {"columns": FLIGHT_NUMBERS, "by": "median", "indicator": True}},
            {"impute": {"columns": ["tailnum"], "by": "constant", "value": "none"}},
            {"encode": {"columns": ["carrier"], "by": "one_hot"}},
            {"encode": {"columns": ["tailnum"], "by": "ordinal", "min_rows": 20}},
            {"scale": {"to": "standard"}},
        ],
    )
    assert count_missing(walked) == {
        "dep_time": 8255, "dep_delay": 8255, "hour": 8255, "minute": 8255,
        "arr_time": 8713,
        "arr_delay": 9430, "air_time": 9430,
        "tailnum": 2512,
    }  # fmt: skip
    report = walked.report
    assert (report["rows_in"], report["rows_out"]) == (336_776, 336_776)
    assert (report["rows_duplicate"], report["rows_quarantined"]) == (0, 0)
    filled = report["columns"]["dep_delay"]["changes"]
    assert filled == {"filled with the median": 8255}
    check_complete(walked)
    check_parity(walked)


def test_no_flight_repeats_another(real_data: Path, settings: Settings) -> None:
    """By all of its columns; and the delays have their published means."""
    names = ["year", "month", "day", "dep_time", "dep_delay", "arr_time", "arr_delay", "flight"]
    walked = walk_table(
        settings,
        real_data,
        "flights",
        {"target": "origin", "features": names, "keep": ["carrier", "tailnum", "dest"]},
        source={"path": "nycflights13_flights.csv.gz"},
        cleaning=[
            ANY_MISSING,
            {"drop_duplicates": {"by": [*names, "origin", "carrier", "tailnum", "dest"]}},
        ],
    )
    report = walked.report
    assert report["rows_duplicate"] == 0
    assert report["rows_out"] + report["rows_quarantined"] == 336_776
    assert sum(report["quarantined_by_reason"].values()) == 9430  # no step fills the holes
    # Of all flights that left, and of those that arrived: 12.64 and 6.90 minutes.
    text = walked.raw["dep_delay"].combine_chunks()
    delays = pc.if_else(pc.equal(text, "NA"), None, text).cast(pa.float64())
    assert round(pc.mean(delays).as_py(), 2) == 12.64
    assert round(float(np.mean(walked.clean["arr_delay"].to_numpy())), 2) == 6.90


def test_the_adults_are_cleaned_as_their_model_will_clean_them(
    real_data: Path, settings: Settings
) -> None:
    """32,561 lines without a header, "?" for what is unknown, 24 rows twice: all are accounted for."""
    walked = walk_table(
        settings,
        real_data,
        "adult",
        {"target": "income", "features": ADULT[:-1]},
        source={"path": "adult-train.csv", "names": ADULT},
        cleaning=[
            {"mark_missing": {"values": ["?"]}},
            {"drop_duplicates": {"by": ADULT}},
            {"impute": {"columns": ["workclass", "occupation"], "by": "most_frequent"}},
            {"impute": {"columns": ["native_country"], "by": "constant", "value": "unknown"}},
            {"encode": {"columns": ADULT_TEXTS, "by": "one_hot", "min_rows": 50}},
            {"scale": {"to": "robust"}},
        ],
    )
    assert count_missing(walked) == {"workclass": 1836, "occupation": 1843, "native_country": 583}
    report = walked.report
    counts = [report[f"rows_{key}"] for key in ("in", "out", "quarantined", "duplicate")]
    assert counts == [32_561, 32_537, 0, 24]
    assert set(walked.clean["income"].unique().to_pylist()) == {"<=50K", ">50K"}
    # Of the 24 one is a row whose country is missing.
    changes = report["columns"]["native_country"]["changes"]
    assert changes["filled with the constant"] == 582
    check_complete(walked)
    check_parity(walked)


def test_the_penguins_miss_two_of_each_measure(real_data: Path, settings: Settings) -> None:
    """And eleven are of unknown sex: 11 rows in quarantine, of which two lack everything."""
    walked = walk_table(
        settings,
        real_data,
        "penguins",
        {"target": "species", "features": [*PENGUIN_MEASURES, "sex"]},
        source={"path": "penguins.csv"},
        cleaning=[ANY_MISSING, {"encode": {"columns": ["sex"], "by": "ordinal"}}],
    )
    assert count_missing(walked) == {**dict.fromkeys(PENGUIN_MEASURES, 2), "sex": 11}
    assert walked.clean.num_rows == 333
    reasons = [reason for _, _, reason in walked.quarantined]
    everything = "; ".join(f"{name}: missing" for name in [*PENGUIN_MEASURES, "sex"])
    assert sorted(reasons) == [everything] * 2 + ["sex: missing"] * 9
    check_complete(walked)
    check_parity(walked)


def test_the_raw_penguins_have_their_published_holes(real_data: Path, settings: Settings) -> None:
    """Names with spaces, brackets and slashes; quoted commas; dates."""
    walked = walk_table(
        settings,
        real_data,
        "penguins",
        {
            "target": "Species",
            "features": ["Delta 15 N (o/oo)", "Delta 13 C (o/oo)", "Body Mass (g)", "Date Egg"],
            "keep": ["Stage", "Comments", "Individual ID"],
        },
        source={"path": "penguins_raw.csv"},
        cleaning=[
            ANY_MISSING,
            {"impute": {"by": "nearest_neighbors"}},
            {"calendar": {"columns": ["Date Egg"], "parts": ["year", "day_of_year"]}},
        ],
    )
    assert count_missing(walked) == {
        "Delta 15 N (o/oo)": 14,
        "Delta 13 C (o/oo)": 13,
        "Body Mass (g)": 2,
    }
    assert walked.clean.num_rows == 344
    assert pc.sum(pc.equal(walked.clean["Comments"], "NA")).as_py() == 290
    assert walked.clean["Stage"].unique().to_pylist() == ["Adult, 1 Egg Stage"]
    check_complete(walked)
    check_parity(walked, 100)
