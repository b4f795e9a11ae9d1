"""The two passes of the cleaning: every row is somewhere, and a model cleans as training did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from cleaning_support import CLEANING, as_raw, clean, make_rows, make_workflow, read
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tasks.cleaning import learn as learning
from tasks.dataset import (
    array_to_tensor_column,
    tensor_column_to_array,
)
from tasks.errors import CleaningError
from tasks.preparation import Preparation


def test_dirty_rows_become_typed_complete_and_normalised(tmp_path: Path) -> None:
    """No value is missing, training rows have mean 0 and variance 1, categories are columns."""
    cleaned = clean(tmp_path, make_workflow(cleaning=CLEANING), make_rows())
    table = read(cleaned.clean).to_pandas()
    features = list(cleaned.preparation.features)
    assert features == [
        "age", "income", "city_Lima", "city_Oslo", "city_Rome",
        "joined_year", "joined_month_sin", "joined_month_cos", "age_was_missing",
    ]  # fmt: skip
    assert np.isfinite(table[features].to_numpy()).all()
    training = table[table["split"] == "train"]
    assert training["age"].mean() == pytest.approx(0, abs=1e-9)
    assert training["income"].std(ddof=0) == pytest.approx(1, abs=1e-9)
    assert set(table["city_Rome"]) == {0.0, 1.0}


def test_the_report_says_what_was_done_to_each_column(tmp_path: Path) -> None:
    """Counted by hand on the raw rows; rows in = out + quarantined + duplicates."""
    rows = make_rows()
    report = clean(tmp_path, make_workflow(cleaning=CLEANING), rows).report
    age, income = rows["age"].to_pylist(), rows["income"].to_pylist()
    assert report.columns["age"].missing == age.count("?")
    assert report.columns["age"].changes["marked missing"] == age.count("?")
    converted = report.columns["income"].changes["unconvertible, set missing"]
    assert converted == income.count("unknown")
    assert (report.rows_in, report.rows_out, report.rows_duplicate) == (400, 396, 3)
    assert report.quarantined_by_reason == {"joined: not a date": 1}
    assert report.duplicates_kept == ("the last by age, income, city, joined",)
    # Filled are the missing of the rows that are left: duplicates are dropped before.
    left = [i for i in range(3, 400) if i != 5]
    assert report.columns["age"].changes["filled with the median"] == sum(
        age[i] == "?" for i in left
    )


@pytest.mark.parametrize("sizes", [[1] * 40, [7, 200, 93], [396]])
def test_a_raw_row_is_cleaned_to_the_same_bits_as_in_training(
    tmp_path: Path, sizes: list[int]
) -> None:
    """The registered model's cleaning, after a trip through JSON, on rows alone or in any batch."""
    rows = make_rows()
    cleaned = clean(tmp_path, make_workflow(cleaning=CLEANING), rows)
    expected = read(cleaned.clean)
    preparation = Preparation.from_json(cleaned.preparation.to_json())
    by_id = {row_id: i for i, row_id in enumerate(rows["id"].to_pylist())}
    raw = rows.take([by_id[i] for i in expected["id"].to_pylist()])
    start = 0
    for size in sizes:
        batch = preparation.clean(raw.slice(start, size))
        for name in preparation.features:
            ours = np.asarray(batch[name])
            theirs = expected[name].slice(start, size).to_numpy()
            assert ours.tobytes() == theirs.tobytes(), name
        start += size


def test_cleaning_does_not_depend_on_how_the_rows_are_cut(tmp_path: Path) -> None:
    """One partition or forty: the same clean rows, bit for bit."""
    workflow = make_workflow(cleaning=CLEANING)
    one = clean(tmp_path / "one", workflow, make_rows())
    many = clean(tmp_path / "many", workflow, make_rows(), cut=10)
    assert read(one.clean).equals(read(many.clean))
    assert one.preparation.to_json() == many.preparation.to_json()
    assert one.report == many.report


def test_what_is_learned_does_not_depend_on_other_rows(tmp_path: Path) -> None:
    """Hold-out and validation rows may say what they like: the median stays that of training rows."""
    workflow = make_workflow(cleaning=CLEANING)
    rows = make_rows()
    before = clean(tmp_path / "before", workflow, rows)
    parts = dict(zip(*(read(before.clean)[n].to_pylist() for n in ("id", "split")), strict=True))
    ages = [
        "1000" if parts.get(i, "holdout") != "train" and a != "?" else a
        for i, a in zip(rows["id"].to_pylist(), rows["age"].to_pylist(), strict=True)
    ]
    ages[-3:], ages[:3] = rows["age"].to_pylist()[-3:], rows["age"].to_pylist()[:3]
    changed = rows.set_column(3, "age", pa.array(ages, pa.string()))
    after = clean(tmp_path / "after", workflow, changed)
    assert after.preparation.to_json() == before.preparation.to_json()


def test_many_training_rows_are_learned_from_by_a_bounded_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bound holds, the report tells it, and the choice does not follow the order of rows."""
    monkeypatch.setattr(learning, "MAX_FIT_ROWS", 50)
    workflow = make_workflow(cleaning=CLEANING)
    rows = make_rows()
    cleaned = clean(tmp_path / "a", workflow, rows)
    assert cleaned.report.n_fit_rows == 50
    turned = clean(tmp_path / "b", workflow, rows.take(list(range(399, -1, -1))))
    assert cleaned.report.rows_out == turned.report.rows_out


def test_rows_of_one_id_go_to_quarantine_but_for_the_first(tmp_path: Path) -> None:
    """Two different rows of one customer would be one to the comparison of models."""
    rows = make_rows()
    ids = rows["id"].to_pylist()
    ids[200] = ids[100]
    rows = rows.set_column(0, "id", pa.array(ids))
    cleaned = clean(tmp_path, make_workflow(cleaning=CLEANING), rows)
    quarantined = read(cleaned.quarantine).select(["line", "reason"]).to_pylist()
    assert {"line": 202, "reason": "id: repeats an earlier row's"} in quarantined
    assert read(cleaned.clean)["id"].to_pylist().count(ids[100]) == 1


def test_columns_that_are_kept_go_along(tmp_path: Path) -> None:
    """They reach the clean rows as they came, and no model reads them."""
    columns = {"target": "left", "features": ["age"], "keep": ["city"]}
    steps = [{"mark_missing": {"values": ["?"], "columns": ["age"]}}]
    cleaned = clean(tmp_path, make_workflow(columns=columns, cleaning=steps), make_rows())
    assert " Rome" in read(cleaned.clean)["city"].to_pylist()
    assert cleaned.preparation.columns == ["age"]


def test_rows_without_inputs_are_kept_for_mining(tmp_path: Path) -> None:
    """Baskets alone: nothing is a feature, and without a split every row is a training row."""
    columns, split = {"keep": ["city", "joined"]}, {"by": "none"}
    workflow = make_workflow(columns=columns, split=split, candidates={})
    cleaned = clean(tmp_path, workflow, make_rows())
    rows = read(cleaned.clean)
    assert rows.column_names == ["id", "split", "city", "joined"]
    assert rows["split"].unique().to_pylist() == ["train"]
    assert rows["city"].to_pylist() == make_rows()["city"].to_pylist()
    assert (cleaned.report.rows_in, cleaned.report.rows_out) == (400, 400)


def test_a_class_outside_the_set_goes_to_quarantine(tmp_path: Path) -> None:
    """``columns.classes`` says which labels there are."""
    columns = {"target": "left", "features": ["age"], "classes": ["yes", "no"]}
    rows = make_rows()
    left = ["maybe", *rows["left"].to_pylist()[1:]]
    rows = rows.set_column(rows.schema.get_field_index("left"), "left", pa.array(left))
    steps = [{"mark_missing": {"values": ["?"]}}, {"impute": {"by": "mean"}}]
    cleaned = clean(tmp_path, make_workflow(columns=columns, cleaning=steps), rows)
    assert cleaned.report.quarantined_by_reason == {"left: not in columns.classes": 1}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cleaning": [{"encode": {"columns": ["city"], "by": "one_hot"}}]}, "age: not a number"),
        ({"columns": {"target": "left", "features": ["joined"]}, "cleaning": [{"convert": {"columns": ["joined"], "to": "date", "formats": ["%d.%m.%Y", "iso8601"]}}]}, "'joined' holds dates"),
        ({"columns": {"target": "left", "features": ["city"]}, "cleaning": [{"convert": {"columns": ["city"], "to": "category"}}]}, "'city' holds texts"),
        ({"columns": {"target": "left", "features": ["nothing"]}}, "no column 'nothing'"),
    ],
)  # fmt: skip
def test_a_cleaning_that_cannot_work_says_so(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    """The error names the column and what to add."""
    rows = make_rows()
    rows = rows.set_column(3, "age", pa.array(["old"] * rows.num_rows))
    with pytest.raises(CleaningError, match=message):
        clean(tmp_path, make_workflow(**changes), rows)


def test_a_column_without_any_value_is_an_error_that_names_it(tmp_path: Path) -> None:
    """A mean of nothing cannot fill."""
    rows = make_rows()
    rows = rows.set_column(3, "age", pa.array(["?"] * rows.num_rows))
    with pytest.raises(CleaningError, match="age"):
        clean(tmp_path, make_workflow(cleaning=CLEANING), rows)


def test_images_are_checked_and_split(tmp_path: Path) -> None:
    """A blank image and a repeated one leave; classes are sorted by size; pixels stay as they are."""
    workflow = make_workflow(
        columns={"target": "label", "image": {"tensor": [2, 2, 1]}},
        cleaning=[{"check_images": {}}, {"drop_duplicates": {"by": ["image"]}}],
    )
    pixels = np.random.default_rng(5).integers(0, 256, (300, 2, 2, 1)).astype(np.uint8)
    pixels[7], pixels[20] = 9, pixels[10]
    labels = [(2, 10, 9)[i % 3] for i in range(300)]
    rows = as_raw({"x": [""] * 300}).drop_columns("x")
    rows = rows.append_column("label", pa.array(labels))
    rows = rows.append_column("image", array_to_tensor_column(pixels))
    cleaned = clean(tmp_path, workflow, rows)
    assert cleaned.preparation.classes == (2, 9, 10)
    assert cleaned.preparation.image_shape == (2, 2, 1)
    assert cleaned.report.quarantined_by_reason == {"image: blank image": 1}
    assert (cleaned.report.rows_duplicate, cleaned.report.rows_out) == (1, 298)
    kept = read(cleaned.clean)
    assert kept.schema.names == ["id", "split", "label", "image"]
    assert np.array_equal(tensor_column_to_array(kept["image"])[0], pixels[0])


# --- series -------------------------------------------------------------------------------------

SERIES = {
    "columns": {"id": "day", "time": "day", "features": ["level"]},
    "split": {"by": "time", "validation": 0.1, "holdout": 0.2},
    "candidates": {},
    "cleaning": [
        {"regular_grid": {"every": "7d"}},
        {"impute": {"by": "interpolate", "max_gap": 2}},
        {"scale": {"to": "standard"}},
    ],
}


def make_series() -> pa.Table:
    """40 weeks: week 10 is not there, week 20 has no value, weeks 30 to 33 are not there; shuffled."""
    weeks = [w for w in range(40) if w != 10 and not 30 <= w <= 33]
    days = [str(np.datetime64("2020-01-04") + 7 * w) for w in weeks]
    levels = ["" if w == 20 else str(300 + w) for w in weeks]
    order = np.random.default_rng(1).permutation(len(weeks))
    return as_raw(
        {"day": [days[i] for i in order], "level": [levels[i] for i in order]},
        ids=[days[i] for i in order],
    )


def test_a_series_comes_out_regular_and_filled(tmp_path: Path) -> None:
    """One missing week is added and filled, one value is filled, a gap of four weeks stays open."""
    cleaned = clean(tmp_path, make_workflow(**SERIES), make_series())
    table = read(cleaned.clean)
    days = np.asarray(table["day"].to_numpy(), "M8[D]")
    assert (np.diff(days) > np.timedelta64(0)).all()
    assert len(days) == 36
    report = cleaned.report
    assert (report.rows_in, report.rows_added, report.rows_out) == (35, 1, 36)
    assert [gap["n_steps"] for gap in report.gaps] == [1, 4]
    parts = table["split"].to_pylist()
    assert parts == sorted(parts, key=["train", "validation", "holdout"].index)
    level = table["level"].to_numpy()
    assert np.diff(level)[9] == pytest.approx(np.diff(level)[0])  # week 10 lies on the line


def test_a_series_that_is_scaled_learns_from_its_training_part(tmp_path: Path) -> None:
    """Mean 0 over training rows; the later ones lie above."""
    table = read(clean(tmp_path, make_workflow(**SERIES), make_series()).clean).to_pandas()
    assert table.loc[table["split"] == "train", "level"].mean() == pytest.approx(0, abs=1e-9)
    assert (table.loc[table["split"] == "holdout", "level"] > 1).all()


def test_a_series_value_that_cannot_be_filled_goes_to_quarantine(tmp_path: Path) -> None:
    """The last week has no neighbour on one side: its row is kept with its reason."""
    rows = make_series().sort_by("day")
    level = [*rows["level"].to_pylist()[:-1], "?"]
    rows = rows.set_column(rows.schema.get_field_index("level"), "level", pa.array(level))
    steps = [{"mark_missing": {"values": ["?"]}}, *SERIES["cleaning"]]
    cleaned = clean(tmp_path, make_workflow(**{**SERIES, "cleaning": steps}), rows)
    assert cleaned.report.quarantined_by_reason == {"level: missing": 1}
    assert cleaned.report.rows_in + cleaned.report.rows_added == cleaned.report.rows_out + 1


# --- every row is somewhere ---------------------------------------------------------------------

NUMBER = st.sampled_from(["1", "2", "tall", None, "nan", "inf", "1e400"])
KIND = st.sampled_from(["fern", "moss", None, " "])


@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.lists(st.tuples(NUMBER, KIND), max_size=30), cut=st.integers(1, 9))
def test_counts_add_up_however_rows_and_batches_fall(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str | None, str | None]], cut: int
) -> None:
    """Rows in = clean + quarantined + duplicates, and exactly the good rows come out."""
    workflow = make_workflow(
        columns={"target": "kind", "features": ["x"]},
        cleaning=[{"drop_duplicates": {"by": ["x", "kind"]}}],
        split={"by": "hash", "validation": 0.0, "holdout": 0.001},
    )
    # One row that is for judging, and one of each class, so that there is always a night.
    fixed = [("9", "fern"), ("9", "moss"), ("8", "fern")]
    all_rows = [*fixed, *rows]
    ids = ["a:1", "a:2", HELD_OUT, *(f"r{i}" for i in range(len(rows)))]
    table = as_raw({"x": [r[0] for r in all_rows], "kind": [r[1] for r in all_rows]}, ids=ids)
    cleaned = clean(tmp_path_factory.mktemp("c"), workflow, table, cut=cut)
    report = cleaned.report  # its own check is that the counts add up
    good = {(x, k) for x, k in all_rows if x in {"1", "2", "8", "9"} and k in {"fern", "moss"}}
    out = read(cleaned.clean).select(["x", "kind"]).to_pylist()
    assert {(f"{r['x']:g}", r["kind"]) for r in out} == good
    assert report.rows_out == len(out) == len(good)
    assert report.rows_quarantined == read(cleaned.quarantine).num_rows


def _find_held_out_id() -> str:
    from tasks.cleaning.duplicates import digest_rows
    from tasks.cleaning.split import hash_ids, to_fractions

    ids = [f"h{i}" for i in range(20_000)]
    digests = digest_rows({"id": pa.array(ids)}, ["id"])
    fractions = to_fractions(hash_ids(digests, "people"))
    return ids[int(np.flatnonzero(fractions < 0.001)[0])]


HELD_OUT = _find_held_out_id()
