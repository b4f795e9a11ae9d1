"""The key ``mining``: what can be looked for in which columns, each rule broken once."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tasks.workflow import Workflow, plan_night

TABLE = {"target": "kind", "features": ["x", "town"], "keep": ["note", "basket", "item"]}
BASKETS = {"keep": ["items"]}
IMAGES = {"target": "kind", "image": {"tensor": [8, 8, 1]}}
BY_COLUMN = {"baskets": {"column": "items"}}
BY_PAIRS = {"baskets": {"basket": "basket", "item": "item"}}


def make(**changes: Any) -> Workflow:
    return Workflow.model_validate(
        {
            "name": "plants",
            "description": "Test.",
            "source": {"kind": "files", "path": "*.csv"},
            "columns": TABLE,
            "expectations": {"raw": "plants_raw", "clean": "plants_clean"},
            "split": {"by": "hash"},
            **changes,
        }
    )


def refuse(**changes: Any) -> tuple[str, str]:
    """Give place and finding of the one refusal."""
    with pytest.raises(ValidationError) as caught:
        make(**changes)
    (error,) = caught.value.errors()
    assert error["type"] == "cross_check", error
    context = error["ctx"]
    place = [str(part) for part in (*error["loc"], context["at"]) if part != ""]
    return ".".join(place), context["what"]


@pytest.mark.parametrize(
    ("columns", "mining"),
    [
        (TABLE, {"pca": {}, "clusters": {}, "rules": {}, "tree": {}}),
        (TABLE, {"clusters": {"by": "hdbscan", "min_cluster_size": 20, "columns": ["x"]}}),
        (TABLE, {"rules": {"columns": ["town", "note", "kind"], "right": ["kind"]}}),
        (TABLE, {"tree": {"target": "x", "columns": ["town"]}}),
        (IMAGES, {"pca": {"components": 50}, "clusters": {"k": [2, 9]}, "tree": {}}),
        (BASKETS, {"rules": BY_COLUMN}),
    ],
    ids=["everything", "hdbscan", "right side", "regression", "images", "baskets alone"],
)
def test_what_can_be_looked_for_is_a_step_of_the_night(
    columns: dict[str, Any], mining: dict[str, Any]
) -> None:
    """One per kind, in the order of the report, each reading the clean data."""
    steps = {s.name: s.needs for s in plan_night(make(columns=columns, mining=mining))}
    mined = {name: needs for name, needs in steps.items() if name.startswith("mine.")}
    assert mined == {f"mine.{kind}": ("clean",) for kind in mining}
    assert set(mined) <= set(steps["charts"])


def test_baskets_of_several_rows_are_read_whole() -> None:
    """Without a split; with one, the items of a basket would fall into different parts."""
    assert make(mining={"rules": BY_PAIRS}, split={"by": "none"}).mining.kinds == ("rules",)
    assert refuse(mining={"rules": BY_PAIRS}) == (
        "mining.rules.baskets",
        "baskets of several rows with the split by 'hash'",
    )


@pytest.mark.parametrize(
    ("columns", "mining", "place", "found"),
    [
        (TABLE, {"clusters": {"columns": ["xx"]}}, "clusters.columns", "the column 'xx'"),
        (TABLE, {"clusters": {"columns": ["kind"]}}, "clusters.columns", "the column 'kind'"),
        (TABLE, {"pca": {"columns": ["note"]}}, "pca.columns", "the column 'note'"),
        (IMAGES, {"pca": {"columns": ["image"]}}, "pca.columns", "'columns' of images"),
        (BASKETS, {"clusters": {}}, "clusters", "'clusters' without inputs"),
        (BASKETS, {"tree": {}}, "tree", "'tree' without inputs"),
        (BASKETS, {"rules": {}}, "rules", "'rules' without inputs"),
        (IMAGES, {"rules": {}}, "rules", "'rules' of images"),
        (TABLE, {"rules": BY_COLUMN}, "rules.baskets.column", "the column 'items'"),
        (
            TABLE,
            {"rules": {"baskets": {"basket": "basket", "item": "x"}}},
            "rules.baskets.item",
            "the column 'x'",
        ),
        (
            TABLE,
            {"rules": {"baskets": {"column": "item"}, "columns": ["x"]}},
            "rules.columns",
            "'columns' beside 'baskets'",
        ),
        ({"features": ["x"]}, {"tree": {}}, "tree", "a tree without a target"),
        (TABLE, {"tree": {"target": "note"}}, "tree.target", "the column 'note'"),
        (IMAGES, {"tree": {"target": "image"}}, "tree.target", "the column 'image'"),
        (TABLE, {"tree": {"target": "x", "columns": ["x"]}}, "tree.columns", "the target 'x'"),
    ],
)
def test_mining_must_fit_the_columns(
    columns: dict[str, Any], mining: dict[str, Any], place: str, found: str
) -> None:
    """A misspelt column is an error with its line and not a section that says nothing."""
    assert refuse(columns=columns, mining=mining) == (f"mining.{place}", found)


@pytest.mark.parametrize(
    ("clusters", "place", "found"),
    [
        ({"k": [9, 2]}, "k", "[9, 2]"),
        ({"k": 3, "by": "hdbscan"}, "k", "'k' with hdbscan"),
        ({"min_cluster_size": 9}, "min_cluster_size", "it with kmeans"),
    ],
)
def test_keys_of_other_algorithms_are_refused(
    clusters: dict[str, Any], place: str, found: str
) -> None:
    """A key that nothing would read is a mistake."""
    assert refuse(mining={"clusters": clusters}) == (f"mining.clusters.{place}", found)


@pytest.mark.parametrize(
    "rules", [{"min_support": 0}, {"min_support": 1.5}, {"max_length": 1}, {"min_confidence": -1}]
)
def test_thresholds_that_make_no_sense_are_refused(rules: dict[str, Any]) -> None:
    """A support of 0 would list every combination of items there is."""
    with pytest.raises(ValidationError, match="than"):
        make(mining={"rules": rules})


@pytest.mark.parametrize(
    ("changes", "place", "found"),
    [
        ({"split": {"by": "none"}}, "split.by", "candidates without a split"),
        ({"columns": {"target": "kind", "keep": ["note"]}}, "columns", "candidates without inputs"),
    ],
)
def test_candidates_need_what_mining_does_not(
    changes: dict[str, Any], place: str, found: str
) -> None:
    """A model needs inputs, and a hold-out that judges it."""
    assert refuse(candidates={"mlp": {"kind": "mlp"}}, **changes) == (place, found)
