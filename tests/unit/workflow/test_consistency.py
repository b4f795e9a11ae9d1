"""The rules between the keys of a workflow file, each broken once; and a file that keeps them all."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tasks.workflow import Workflow, plan_night

FILES = {"kind": "files", "path": "*.csv"}
SQL = {"kind": "sql", "connection": "SHOP_DATABASE", "query": "SELECT * FROM plants"}
TABLE = {"id": "code", "target": "kind", "features": ["x", "town"], "keep": ["note", "seen"]}
IMAGES = {"target": "kind", "image": {"tensor": [8, 8, 1]}}
SERIES = {"time": "day", "features": ["x"]}
BY_TIME = {"by": "time", "holdout": 0.2}


def make_document(**changes: Any) -> dict[str, Any]:
    """A small sound file, with other keys."""
    return {
        "name": "plants",
        "description": "Test.",
        "source": FILES,
        "columns": TABLE,
        "expectations": {"raw": "plants_raw", "clean": "plants_clean"},
        "split": {"by": "hash"},
        **changes,
    }


def refuse(**changes: Any) -> tuple[str, str, str]:
    """Give place, finding and expectation of the one refusal."""
    with pytest.raises(ValidationError) as caught:
        Workflow.model_validate(make_document(**changes))
    (error,) = caught.value.errors()
    assert error["type"] == "cross_check", error
    context = error["ctx"]
    place = [str(part) for part in (*error["loc"], context["at"]) if part != ""]
    return ".".join(place), context["what"], context["expected"]


WHOLE = {
    "table": make_document(
        source={
            **FILES,
            "delimiter": ";",
            "quote": None,
            "encoding": "latin-1",
            "names": ["code", "kind", "x", "town", "born", "joined", "note", "seen", "mail", "name"],
            "arrives": {"column": "joined"},
        },
        columns={
            "id": "code",
            "target": "kind",
            "classes": ["fern", "moss"],
            "features": ["x", "town", "born"],
            "time": "joined",
            "keep": ["note", "seen", "mail", "name"],
        },
        privacy=[
            {"drop": {"columns": ["phone"]}},
            {"mask": {"columns": ["mail"], "keep": "domain"}},
            {"pseudonymise": {"columns": ["code", "note"]}},
            {"generalise": {"columns": ["x"], "width": 10}},
            {"generalise": {"columns": ["born"], "period": "year"}},
            {"generalise": {"columns": ["note"], "length": 2}},
            {"generalise": {"columns": ["town"], "min_rows": 5}},
            {"k_anonymity": {"columns": ["x", "town"], "k": 2, "action": "stop"}},
            {"encrypt": {"columns": ["name"]}},
        ],
        cleaning=[
            {"mark_missing": {"values": ["?"], "columns": ["town", "kind"]}},
            {"convert": {"columns": ["x"], "to": "number", "thousands": ".", "decimal": ","}},
            {"convert": {"columns": ["born", "joined"], "to": "date", "formats": ["%d.%m.%Y"]}},
            {"convert": {"columns": ["town"], "to": "category", "synonyms": {"NYC": "New York"}}},
            {"drop_duplicates": {"by": ["code"], "keep": "last"}},
            {"clip": {"columns": ["x"], "min": 0, "max": 0}},
            {"impute": {"columns": ["x"], "by": "model", "estimator": "sklearn.linear_model.Ridge"}},
            {"impute": {"columns": ["town"], "by": "constant", "value": "none", "indicator": True}},
            {"outliers": {"columns": ["x"], "by": "quantiles", "quantiles": [0.0, 1.0]}},
            {"outliers": {"by": "z_score", "factor": 3}},
            {"calendar": {"columns": ["born"], "cyclic": True}},
            {"encode": {"columns": ["town"], "by": "target"}},
            {"scale": {"columns": ["x", "born_year"], "to": "range", "range": [-1, 1]}},
        ],
        split=BY_TIME,
    ),
    "images": make_document(
        source={
            "kind": "files",
            "path": "s3://shop/images",
            "format": "images",
            "arrives": {"pattern": "%Y-%j.png"},
        },
        columns=IMAGES,
        cleaning=[
            {"mark_missing": {}},
            {"check_images": {"min_contrast": 3}},
            {"drop_duplicates": {"by": ["image"]}},
        ],
    ),
    "series": make_document(
        source={**FILES, "arrives": {"pattern": "x-%Y-%m-%d.csv"}},
        columns=SERIES,
        cleaning=[
            {"drop_duplicates": {"by": ["day"]}},
            {"regular_grid": {"every": "1h"}},
            {"impute": {"by": "interpolate", "max_gap": 3}},
            {"impute": {"by": "forward_fill"}},
            {"impute": {"by": "median"}},
            {"calendar": {"columns": ["day"], "parts": ["hour"]}},
        ],
        split=BY_TIME,
    ),
    "query": make_document(source=SQL),
}  # fmt: skip


@pytest.mark.parametrize("kind", WHOLE)
def test_a_file_with_every_step_is_sound(kind: str) -> None:
    """It becomes a workflow, is the same when written and read, and has a plan."""
    workflow = Workflow.model_validate(WHOLE[kind])
    written = workflow.model_dump(mode="json", by_alias=True, exclude_unset=True)
    assert Workflow.model_validate(written) == workflow
    assert [step.name for step in plan_night(workflow)][:3] == ["ingest", "validate_raw", "clean"]


@pytest.mark.parametrize(
    ("changes", "found", "expected"),
    [
        ({"path": "ftp://ann:secret@host/a.csv"}, "a URL with a user, password or key", "in the environment"),
        ({"path": "s3://ann@bucket/*.csv"}, "a URL with a user, password or key", "in the environment"),
        ({"path": "https://host/a.csv?SIG=abc"}, "a URL with a user, password or key", "in the environment"),
        ({"path": "https://host/a.csv?v=1&token=abc"}, "a URL with a user, password or key", "in the environment"),
        ({"delimiter": "\u00a6"}, "a sign outside ASCII", "one ASCII sign"),
        ({"quote": "\u00ab"}, "a sign outside ASCII", "one ASCII sign"),
        ({"format": "jsonl", "names": ["x"]}, "'names' with the format 'jsonl'", "with csv only"),
        ({"names": ["x", "kind", "x"]}, "a name twice", "each name once"),
        ({"encoding": "latin1000"}, "'latin1000'", "an encoding such as 'latin-1'"),
        ({"format": "npz", "arrives": {"column": "day"}}, "a column of npz files", "{pattern: ...}"),
        ({"format": "images", "arrives": {"column": "day"}}, "a column of images files", "{pattern: ...}"),
    ],
)  # fmt: skip
def test_files_that_cannot_be_read_are_refused(
    changes: dict[str, Any], found: str, expected: str
) -> None:
    """Before a night begins; no secret of a URL stands in the refusal."""
    place, what, wanted = refuse(source={**FILES, **changes})
    assert place.startswith("source.files")
    assert (what, expected in wanted) == (found, True)
    assert "secret" not in what + wanted


@pytest.mark.parametrize(
    "pattern", ["sales.csv", "sales-%Y.csv", "sales-%Y-%m.csv", "%m-%d.csv", "%j"]
)
def test_a_pattern_must_hold_a_date(pattern: str) -> None:
    """A year and a day of it, or the files of a night could not be told."""
    source = {**FILES, "arrives": {"pattern": pattern}}
    with pytest.raises(ValidationError) as caught:
        Workflow.model_validate(make_document(source=source))
    told = [e["ctx"] for e in caught.value.errors() if e["type"] == "cross_check"]
    assert [(t["what"], t["expected"]) for t in told] == [
        (repr(pattern), "a pattern with %Y, %m and %d, or %Y and %j")
    ]


@pytest.mark.parametrize(
    ("columns", "place", "found"),
    [
        ({"target": "kind"}, "columns", "none of 'image', 'features' and 'keep'"),
        ({**IMAGES, "features": ["x"]}, "columns", "both of 'image' and 'features'"),
        ({"target": "x", "features": ["x"]}, "columns.target", "'x' is also an input"),
        ({"target": "image", "image": {"tensor": [1, 1, 1]}}, "columns.target", "'image' is also an input"),
        ({"features": ["x"], "keep": ["x"]}, "columns.keep", "'x' has another part already"),
        ({"features": ["x"], "time": "day", "keep": ["day"]}, "columns.keep", "'day' has another part already"),
        ({"features": ["x"], "classes": ["a", "b"]}, "columns.classes", "'classes' without 'target'"),
        ({"features": ["x", "y", "x"]}, "columns.features", "a column twice"),
        ({"features": ["x"], "keep": ["y", "y"]}, "columns.keep", "a column twice"),
        ({"features": ["id"]}, "columns.features", "the column 'id'"),
        ({"features": ["x"], "target": "split"}, "columns.target", "the column 'split'"),
        ({"features": ["x"], "time": "line"}, "columns.time", "the column 'line'"),
        ({"features": ["x"], "keep": ["source"]}, "columns.keep", "the column 'source'"),
        ({"image": {"column": "id", "tensor": [1, 1, 1]}}, "columns.image", "the column 'id'"),
    ],
)  # fmt: skip
def test_columns_have_one_part_each(columns: dict[str, Any], place: str, found: str) -> None:
    """And none has a name that Nocturne gives itself."""
    assert refuse(columns=columns)[:2] == (place, found)


@pytest.mark.parametrize("by", ["hash", "time"])
def test_some_rows_must_train(by: str) -> None:
    """Validation and hold-out may not take them all."""
    place, found, expected = refuse(
        columns=SERIES, split={"by": by, "validation": 0.5, "holdout": 0.5}
    )
    assert place == f"split.{by}.holdout"
    assert (found, expected) == ("validation and hold-out take 1 of the rows", "less than 1")


@pytest.mark.parametrize(
    ("step", "place", "found", "expected"),
    [
        ({}, "", "no key", "exactly one of mark_missing, convert, "),
        ({"mark_missing": {}, "scale": {"to": "robust"}}, "", "2 keys (mark_missing, scale)", "exactly one of"),
        ({"convert": {"columns": ["x"], "to": "number", "thousands": ".", "decimal": "."}}, "convert.thousands", "'.' for both marks", "two different marks"),
        ({"convert": {"columns": ["x"], "to": "boolean", "true_values": ["Y", "no"]}}, "convert.true_values", "['no'] in both lists", "each text in one list"),
        ({"impute": {"by": "constant"}}, "impute.value", "'by: constant' and value None", "a value with 'constant' only"),
        ({"impute": {"by": "mean", "value": 0}}, "impute.value", "'by: mean' and value 0.0", "a value with 'constant' only"),
        ({"impute": {"by": "model"}}, "impute.estimator", "'by: model' and estimator None", "an estimator with 'model' only"),
        ({"impute": {"by": "mean", "estimator": "sklearn.x"}}, "impute.estimator", "'by: mean' and estimator 'sklearn.x'", "an estimator with 'model' only"),
        ({"impute": {"by": "model", "estimator": "os.system"}}, "impute.estimator", "'os.system'", "a class of scikit-learn, 'sklearn....'"),
        ({"clip": {"columns": ["x"]}}, "clip", "neither 'min' nor 'max'", "one of them, or both"),
        ({"clip": {"columns": ["x"], "min": 2, "max": 1}}, "clip.min", "2 above 1", "'min' below 'max'"),
        ({"outliers": {"by": "quantiles", "quantiles": [0.9, 0.9]}}, "outliers.quantiles", "[0.9, 0.9]", "[lower, upper]"),
        ({"outliers": {"by": "quantiles", "factor": 2}}, "outliers.factor", "'factor' with quantiles", "'quantiles: [lower, upper]'"),
        ({"scale": {"to": "range", "range": [1, 1]}}, "scale.range", "[1.0, 1.0]", "[least, greatest]"),
    ],
)  # fmt: skip
def test_settings_of_a_cleaning_step_must_fit_together(
    step: dict[str, Any], place: str, found: str, expected: str
) -> None:
    """Each step by itself."""
    at, what, wanted = refuse(cleaning=[step])
    assert at == ".".join(filter(None, ("cleaning.0", place)))
    assert (what, expected in wanted) == (found, True)


@pytest.mark.parametrize(
    ("step", "columns", "place", "found"),
    [
        ({"scale": {"columns": ["xx"], "to": "robust"}}, TABLE, "columns", "the column 'xx'"),
        ({"impute": {"columns": ["x", "phone"], "by": "mean"}}, TABLE, "columns", "the column 'phone'"),
        ({"drop_duplicates": {"by": ["id"]}}, TABLE, "by", "the column 'id'"),
        ({"encode": {"columns": ["kind"], "by": "one_hot"}}, TABLE, "columns", "'kind', which is no feature"),
        ({"encode": {"columns": ["note"], "by": "one_hot"}}, TABLE, "columns", "'note', which is no feature"),
        ({"calendar": {"columns": ["seen"]}}, TABLE, "columns", "'seen', which is no feature"),
        ({"impute": {"columns": ["kind"], "by": "most_frequent"}}, TABLE, "columns", "'kind', which is no feature"),
        ({"clip": {"columns": ["note"], "min": 0}}, TABLE, "columns", "'note', which is no feature"),
        ({"scale": {"columns": ["code"], "to": "robust"}}, TABLE, "columns", "'code', which is no feature"),
        ({"outliers": {"columns": ["seen"], "by": "iqr"}}, TABLE, "columns", "'seen', which is no feature"),
        ({"drop_duplicates": {"by": ["x_nope"]}}, TABLE, "by", "the column 'x_nope'"),
        ({"check_images": {}}, TABLE, "", "'check_images' without images"),
        ({"scale": {"to": "robust"}}, IMAGES, "", "'scale' on images"),
        ({"impute": {"by": "mean"}}, IMAGES, "", "'impute' on images"),
        ({"impute": {"by": "interpolate"}}, TABLE, "", "'impute' in time order without 'columns.time'"),
        ({"impute": {"by": "forward_fill"}}, TABLE, "", "'impute' in time order without 'columns.time'"),
        ({"regular_grid": {"every": "1h"}}, {"features": ["x"]}, "", "'regular_grid' in time order without 'columns.time'"),
        ({"regular_grid": {"every": "1h"}}, {**SERIES, "target": "kind"}, "", "'regular_grid' with a target"),
        ({"regular_grid": {"every": "1h"}}, {**SERIES, "keep": ["note"]}, "", "'regular_grid' with 'columns.keep'"),
        ({"encode": {"columns": ["x"], "by": "target"}}, {"features": ["x"]}, "by", "'target' without 'columns.target'"),
    ],
)  # fmt: skip
def test_a_cleaning_step_must_fit_the_columns(
    step: dict[str, Any], columns: dict[str, Any], place: str, found: str
) -> None:
    """A misspelt column is an error with its line and not a night that fails."""
    (key,) = step
    at, what, _ = refuse(cleaning=[step], columns=columns)
    assert at == ".".join(filter(None, ("cleaning.0", key, place)))
    assert what == found


def test_the_columns_that_there_are_are_named() -> None:
    """For whoever has misspelt one."""
    step = {"scale": {"columns": ["xx"], "to": "robust"}}
    assert refuse(cleaning=[step])[2] == "one of code, kind, note, seen, town, x"


def test_columns_that_steps_add_may_be_named() -> None:
    """By what they are called: the column, an underscore and something."""
    step = {"scale": {"columns": ["town_Rome", "x_was_missing"], "to": "robust"}}
    workflow = Workflow.model_validate(make_document(cleaning=[step]))
    assert workflow.cleaning[0].settings.model_dump()["columns"] == ("town_Rome", "x_was_missing")


@pytest.mark.parametrize(
    "learning",
    [
        {"impute": {"by": "mean"}},
        {"outliers": {"by": "iqr"}},
        {"scale": {"to": "standard"}},
        {"encode": {"columns": ["x"], "by": "one_hot"}},
        {"regular_grid": {"every": "1d"}},
        {"calendar": {"columns": ["day"]}},
    ],
    ids=lambda step: next(iter(step)),
)
def test_duplicates_are_dropped_before_anything_is_learned_or_added(
    learning: dict[str, Any],
) -> None:
    """A row that stands twice would count twice."""
    steps = [learning, {"drop_duplicates": {"by": ["x"]}}]
    place, found, _ = refuse(cleaning=steps, columns=SERIES)
    (key,) = learning
    assert place == "cleaning.1.drop_duplicates"
    assert found == f"'drop_duplicates' after {key!r}"
    Workflow.model_validate(make_document(cleaning=steps[::-1], columns=SERIES))


@pytest.mark.parametrize(
    ("steps", "place", "found", "expected"),
    [
        ([{}], "privacy.0", "no key", "exactly one of drop, mask, "),
        ([{"drop": {"columns": ["a"]}, "mask": {"columns": ["x"]}}], "privacy.0", "2 keys (drop, mask)", "exactly one of"),
        ([{"generalise": {"columns": ["x"]}}], "privacy.0.generalise", "none of the ways", "exactly one of width, period"),
        ([{"generalise": {"columns": ["x"], "width": 1, "length": 2}}], "privacy.0.generalise", "['width', 'length'] of the ways", "exactly one of"),
        ([{"drop": {"columns": ["x"]}}], "privacy.0.drop.columns", "'x', which 'columns' names", "a column nothing reads"),
        ([{"drop": {"columns": ["code"]}}], "privacy.0.drop.columns", "'code', which 'columns' names", "a column nothing reads"),
        ([{"mask": {"columns": ["mail"]}}], "privacy.0.mask.columns", "the column 'mail'", "one of code, kind, note, seen, town, x"),
        ([{"mask": {"columns": ["kind"]}}], "privacy.0.mask.columns", "mask of 'kind'", "a feature, or a column of 'columns.keep'"),
        ([{"generalise": {"columns": ["code"], "length": 2}}], "privacy.0.generalise.columns", "generalise of 'code'", "a feature, or a column of 'columns.keep'"),
        ([{"k_anonymity": {"columns": ["kind"], "k": 2}}], "privacy.0.k_anonymity.columns", "k_anonymity of 'kind'", "a feature, or a column of 'columns.keep'"),
        ([{"pseudonymise": {"columns": ["x"]}}], "privacy.0.pseudonymise.columns", "pseudonymise of 'x'", "the id, or a column of 'columns.keep'"),
        ([{"mask": {"columns": ["code"]}}], "privacy.0.mask.columns", "mask of 'code'", "a feature, or a column of 'columns.keep'"),
        ([{"encrypt": {"columns": ["code"]}}], "privacy.0.encrypt.columns", "encrypt of 'code'", "a column of 'columns.keep'"),
        ([{"encrypt": {"columns": ["note"]}}, {"k_anonymity": {"columns": ["note"], "k": 2}}], "privacy.1.k_anonymity.columns", "k_anonymity of 'note', which is encrypted", "other columns"),
    ],
)  # fmt: skip
def test_privacy_must_fit_the_columns(
    steps: list[dict[str, Any]], place: str, found: str, expected: str
) -> None:
    """What models read they must be able to read again; what nothing reads is dropped."""
    at, what, wanted = refuse(privacy=steps)
    assert at == place
    assert (what, expected in wanted) == (found, True)


@pytest.mark.parametrize(
    ("changes", "place", "found"),
    [
        ({"source": SQL, "columns": {"features": ["x"]}}, "columns", "a query without 'columns.id'"),
        ({"split": BY_TIME}, "split.by", "'time' without 'columns.time'"),
        ({"name": "rollback"}, "name", "'rollback'"),
    ],
)  # fmt: skip
def test_what_a_night_needs_must_be_named(changes: dict[str, Any], place: str, found: str) -> None:
    """Between the keys of the whole file."""
    assert refuse(**changes)[:2] == (place, found)
