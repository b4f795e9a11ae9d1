"""The decision as people see it: every rule in its unit, and a chart of the gain and of where it was least."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from report_support import Page, get_title, render_page

from tasks.metrics import PairedGain
from tasks.promotion.figures import Contender, Group, Trial
from tasks.promotion.policy import decide
from tasks.promotion.rules import Limits
from tasks.reporting import charts
from tasks.reporting.catalogue import draw_charts
from tasks.reporting.decision_section import list_rules, say_gain, tabulate_gains
from tasks.reporting.documents import Document, NightDocuments

NBSP = "\N{NO-BREAK SPACE}"
SURE = PairedGain(0.01, 0.006, 0.014, 0.9, 0.001, (20, 10))
SERVES = Trial(True, "It loads.", 2.5, 4e6, 1.2e-7, 1e-3)


def make_group(value: str, loss: float | None, n_rows: int = 100, **more: Any) -> dict[str, Any]:
    """A group as the evaluation writes it."""
    scores = {"cnn": 0.9, "champion": 0.9 if loss is None else 0.9 + loss}
    found = {"by": "class", "column": None, "value": value, "n_rows": n_rows, "metric": "recall"}
    return {**found, "is_error": False, "scores": scores, "loss": loss, **more}


def make_decision(
    challenger: float = 0.97,
    champion: float = 0.96,
    *,
    paired: PairedGain | None = SURE,
    metric: str = "accuracy",
    is_error: bool = False,
    groups: tuple[dict[str, Any], ...] = (),
    **limits: Any,
) -> Document:
    """A decision as the gate makes it."""
    return decide(
        metric=metric,
        is_error=is_error,
        limits=Limits(max_group_loss=0.05, **limits),
        n_holdout=1000,
        challenger=Contender("cnn", challenger),
        champion=Contender("3", champion),
        baselines=[],
        trial=SERVES,
        paired=paired,
        groups=[
            Group(g["by"], g["column"], g["value"], g["n_rows"], 0.9, 0.9, g["loss"])
            for g in groups
            if g["loss"] is not None
        ],
    ).to_json()


def test_figures_are_written_in_their_units() -> None:
    """Per cent, probabilities, milliseconds and megabytes; what has no figure says so."""
    groups = (make_group("a", -0.02),)
    decision = make_decision(groups=groups, floor=0.9, max_latency_ms=10.0, max_size_mb=20.0)
    assert {rule["name"]: (rule["figure"], rule["limit"]) for rule in list_rules(decision)} == {
        "floor": (f"97.0{NBSP}%", f"90.0{NBSP}%"),
        "gain over the champion": ("1.00 points", "0.00 points"),
        "gain beyond chance": ("0.60 points", "0.00 points"),
        "McNemar's test": ("0.001", "0.05"),
        "no group worse": ("-2.00 points", "5.00 points"),
        "latency": (f"2.500{NBSP}ms", f"10.00{NBSP}ms"),
        "size": (f"4.000{NBSP}MB", f"20.00{NBSP}MB"),
        "smoke test": ("1.2e-07", "0.001"),
    }
    shares = make_decision(metric="mse", is_error=True, groups=groups)
    assert list_rules(shares)[-2]["limit"] == f"5.0{NBSP}%"
    broken = [{"name": "floor", "figure": None, "limit": 0.9, "passed": False, "sentence": "no"}]
    (rule,) = list_rules({"rules": broken, "metric": "accuracy"})
    assert (rule["figure"], rule["limit"]) == ("none", "0.900")
    assert list_rules(None) == []


def test_the_gain_stands_above_the_groups_that_lost_most() -> None:
    """Points of accuracy and recall; a group with few rows or without a number is left out."""
    groups = (
        make_group("a", -0.02),
        make_group("b", 0.03),
        make_group("c", 0.5, n_rows=49),
        make_group("d", None),
    )
    data = tabulate_gains(make_decision(groups=groups, min_gain=0.002), {"groups": groups})
    assert data[["kind", "label"]].to_numpy().tolist() == [
        ["all", "all 1,000 rows"],
        ["class", "class b (100)"],
        ["class", "class a (100)"],
    ]
    assert data["value"].tolist() == pytest.approx([1.0, -3.0, 2.0])
    assert data["limit"].tolist() == pytest.approx([0.2, -5.0, -5.0])
    assert data.loc[0, ["low", "high"]].tolist() == pytest.approx([0.6, 1.4])
    assert data["passed"].tolist() == [True, True, True]


def test_many_groups_are_cut_to_those_that_lost_most() -> None:
    """Fifty slices would hide the gain."""
    groups = tuple(make_group(str(i), i / 1000) for i in range(50))
    data = tabulate_gains(make_decision(groups=groups), {"groups": groups})
    assert data["label"].tolist()[1:3] == ["class 49 (100)", "class 48 (100)"]
    assert len(data) == 9


@pytest.mark.parametrize(
    ("decision", "message"),
    [
        (make_decision(), "cnn is 1 point better than the champion, which is more than chance"),
        (
            make_decision(paired=PairedGain(0.001, -0.002, 0.004, 0.9, 0.4, (9, 8))),
            "cnn is 0.1 points better than the champion, which can be chance",
        ),
        (
            make_decision(paired=PairedGain(0.01, 0.001, 0.02, 0.9, 0.06, (20, 10))),
            "cnn is 1 point better than the champion, which is not enough",
        ),
        (
            make_decision(min_gain=0.02),
            "cnn is 1 point better than the champion, which is not enough",
        ),
        (
            make_decision(0.9, 0.96, paired=PairedGain(-0.06, -0.08, -0.04, 0.9, 0.001, (9, 69))),
            "cnn is 6 points worse than the champion",
        ),
        (
            make_decision(0.3, 0.4, metric="mse", is_error=True, paired=PairedGain(0.1, 0.05, 0.15, 0.9)),
            f"cnn's MSE is 25{NBSP}% smaller than the champion's, which is more than chance",
        ),
        (
            make_decision(0.8, 0.7, metric="r2", paired=PairedGain(0.1, 0.05, 0.15, 0.9)),
            "cnn's R\N{SUPERSCRIPT TWO} is 0.1 better than the champion's, which is more than chance",
        ),
        (
            make_decision(metric="macro_f1", paired=PairedGain(0.015, 0.006, 0.024, 0.9)),
            "cnn is 1.5 points of macro F1 better than the champion, which is more than chance",
        ),
    ],
)  # fmt: skip
def test_the_title_is_the_message(decision: Document, message: str) -> None:
    """It says how much, in which unit, and whether that is chance."""
    assert say_gain(decision, tabulate_gains(decision, None)) == message


def test_a_group_that_loses_too_much_is_the_message() -> None:
    """A gain for all does not make up for it."""
    groups = (make_group("boot", 0.08), make_group("bag", -0.01))
    decision = make_decision(groups=groups)
    data = tabulate_gains(decision, {"groups": groups})
    message = say_gain(decision, data)
    assert message == "cnn is 1 point better than the champion, but class boot loses too much"
    ax = charts.plot_gate(data, message, "points better than version 3")
    assert get_title(ax) == message
    assert [text.get_text() for text in ax.texts] == ["+1", "-8", "+1"]
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == ["all 1,000 rows", "class boot (100)", "class bag (100)"]
    dots = {line.get_color() for line in ax.lines if line.get_marker() == "o"}
    assert len(dots) == 3  # the gain, a group within its limit, and one beyond
    assert ax.get_xlabel() == "points better than version 3"


def test_groups_of_r2_are_not_drawn_in_its_unit() -> None:
    """They are compared by their errors."""
    decision = make_decision(0.8, 0.7, metric="r2", paired=PairedGain(0.1, 0.05, 0.15, 0.9))
    assert len(tabulate_gains(decision, {"groups": [make_group("a", 0.03)]})) == 1


@pytest.mark.parametrize(
    "decision",
    [
        None,
        {**make_decision(), "paired": None},
        make_decision(champion=math.nan),
        make_decision(paired=PairedGain(math.nan, math.nan, math.nan, 0.9, None, None)),
        {k: v for k, v in make_decision().items() if k not in {"paired", "limits"}},
    ],
    ids=["none", "first night", "champion that does not load", "no number", "an earlier night's"],
)
def test_without_a_gain_there_is_no_chart(decision: Document | None) -> None:
    """A first night has nobody to be better than."""
    night = NightDocuments(decision=decision)
    assert [chart.name for chart in draw_charts(night)] == []


def test_the_page_shows_paragraph_rules_and_chart(night: NightDocuments) -> None:
    """What a manager reads first, and what an engineer checks."""
    decision = make_decision(floor=0.9, max_latency_ms=10.0)
    shown = replace(night, decision=decision)
    page = Page(render_page(shown))
    assert decision["paragraph"] in page.words
    assert "latency 2.500 ms 10.00 ms yes" in page.words
    (chart,) = [chart for chart in draw_charts(shown) if chart.name == "gate"]
    assert chart.section == "decision"
    assert f"The bar is the 90{NBSP}% interval" in chart.caption
    assert chart.source == "decision"
