"""The table of classes and slices: what the challenger loses first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from report_support import Page, render_page

from tasks.reporting.documents import NightDocuments
from tasks.reporting.groups import MAX_GROUPS, tell_groups

NO_BREAK = "\N{NO-BREAK SPACE}"


def make_group(value: str, challenger: float | None, champion: float | None, loss: float | None, **more: Any) -> dict[str, Any]:  # fmt: skip
    return {
        "by": "class",
        "column": None,
        "value": value,
        "n_rows": 40,
        "metric": "recall",
        "is_error": False,
        "scores": {"cnn": challenger, "champion": champion, "logistic_regression": 0.5},
        "loss": loss,
        **more,
    }


GROUPS = [
    make_group("ant", 0.99, 0.95, -0.04),
    make_group("bee", 0.9, 0.95, 0.05),
    make_group("cow", None, None, None, n_rows=0),
    make_group("Oslo", 6.0, 5.0, 0.2, by="slice", column="city", metric="rmse", is_error=True),
    make_group("Rome", 0.9, 0.9, 0.0, by="slice", column="city", metric="accuracy"),
]


def with_groups(night: NightDocuments, groups: list[dict[str, Any]]) -> NightDocuments:
    return replace(night, scores={**(night.scores or {}), "groups": groups})


def test_what_is_lost_most_comes_first(night: NightDocuments) -> None:
    """Errors as a share, recall in points; a class without rows comes last and has no figures."""
    told = tell_groups(with_groups(night, GROUPS).scores)
    assert told is not None
    rows = [
        (r["name"], r["challenger"].replace(NO_BREAK, " "), r["change"].replace(NO_BREAK, " "))
        for r in told["rows"]
    ]
    assert rows == [
        ("city: Oslo", "6.000", "20.0 % worse"),
        ("class bee", "90.0 %", "5.0 points worse"),
        ("city: Rome", "90.0 %", "the same"),
        ("class ant", "99.0 %", "4.0 points better"),
        ("class cow", "", ""),
    ]
    assert told["other"] == "champion (version 3)"


def test_without_a_champion_the_worst_comes_first(night: NightDocuments) -> None:
    """The best baseline stands beside the challenger, and nobody has lost anything."""
    scores = dict(with_groups(night, [{**g, "loss": None} for g in GROUPS[:2]]).scores or {})
    scores["models"] = {n: m for n, m in scores["models"].items() if n != "champion"}
    told = tell_groups(scores)
    assert told is not None
    assert [r["name"] for r in told["rows"]] == ["class bee", "class ant"]
    assert told["other"] == "logistic_regression"
    assert not told["has_loss"]


def test_a_long_table_is_cut_and_says_so(night: NightDocuments) -> None:
    """The scores' document has all of them."""
    groups = [make_group(f"class {i}", 0.9, 0.9, 0.0) for i in range(MAX_GROUPS + 5)]
    told = tell_groups(with_groups(night, groups).scores)
    assert told is not None
    assert (len(told["rows"]), told["n_groups"]) == (MAX_GROUPS, MAX_GROUPS + 5)
    page = Page(render_page(with_groups(night, groups)))
    assert f"{MAX_GROUPS} of {MAX_GROUPS + 5} are shown" in page.text


@pytest.mark.parametrize("scores", [None, {"groups": []}, {}])
def test_a_night_without_groups_has_no_table(scores: dict[str, Any] | None) -> None:
    """Nor has one of before there were any."""
    assert tell_groups(scores) is None


def test_the_page_shows_groups_and_problems(night: NightDocuments) -> None:
    """Words from the data are text and never markup; a champion without figures is explained."""
    hostile = with_groups(night, [make_group("<b>ant</b>", 0.9, None, None)])
    scores = dict(hostile.scores or {})
    champion = {
        "role": "champion",
        "version": "3",
        "problem": "could not be loaded: <i>no such file</i>",
        "size_bytes": None,
        "validation": None,
        "holdout": {"accuracy": None, "macro_f1": None, "log_loss": None},
        "interval": {"accuracy": [None, None]},
    }
    scores["models"] = {**scores["models"], "champion": champion}
    page = Page(render_page(replace(hostile, scores=scores)))
    assert "class <b>ant</b>" in page.text
    assert "champion (version 3) could not be loaded: <i>no such file</i>." in page.text
    assert page.count("i") == page.count("b") == 0
