"""The section on association rules: read from a real folder, drawn and told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from report_support import draw_findings, render_section

from tasks.dataset import Dataset, DatasetWriter
from tasks.mining.found import Earlier
from tasks.mining.rows import MiningRows
from tasks.mining.rules.step import mine_rules
from tasks.preparation import Preparation
from tasks.reporting import charts
from tasks.reporting.charts.rules import say_rule
from tasks.reporting.figures import save_chart
from tasks.reporting.mining.kinds import read_findings
from tasks.reporting.mining.rules import RulesFindings, tabulate_top
from tasks.reporting.style import get_headline, say_percent
from tasks.workflow import Rules

HOSTILE = '<script>alert("x")</script>'
SPACE = "\N{NO-BREAK SPACE}"


def make_texts(seed: int = 0, names: tuple[str, ...] = tuple("abcdefgh")) -> list[str]:
    """Four hundred baskets; the second item mostly follows the first."""
    dense = np.random.default_rng(seed).random((400, len(names))) < 0.3
    dense[:, 1] = np.where(
        np.random.default_rng(seed + 1).random(400) < 0.9, dense[:, 0], dense[:, 1]
    )
    return ["|".join(name for name, held in zip(names, row, strict=True) if held) for row in dense]


def mine(
    folder: Path,
    data: dict[str, Any] | None = None,
    earlier: Path | None = None,
    *,
    n_holdout: int = 100,
    preparation: Preparation | None = None,
    **options: Any,
) -> RulesFindings:
    folder.mkdir(parents=True)
    data = data or {"items": make_texts()}
    if preparation is None:
        options = {"baskets": {"column": "items", "separator": "|"}, **options}
    n_rows = len(next(iter(data.values())))
    split = ["train"] * (n_rows - n_holdout) + ["holdout"] * n_holdout
    table = pa.table({"id": [f"r{i}" for i in range(n_rows)], "split": split, **data})
    dataset = folder.with_name(f"{folder.name} dataset")
    with DatasetWriter(dataset, table.schema) as writer:
        writer.write(table)
    rows = MiningRows(Dataset.open(dataset), preparation or Preparation(None, (), None, None, ()))
    before = None if earlier is None else Earlier("2026-01-06", earlier)
    mine_rules(rows, Rules(**options), folder, seed=1, earlier=before)
    found = read_findings("rules", folder)
    assert isinstance(found, RulesFindings)
    return found


def test_rules_have_three_charts(tmp_path: Path) -> None:
    """All of them by their measures, the first ones, and the items; each with words."""
    drawn = draw_findings(mine(tmp_path / "now"))
    assert list(drawn) == ["rules", "rules_top", "rules_items"]
    assert all(c.section == "rules" and c.title and c.caption and c.alt for c in drawn.values())
    assert len(drawn["rules_items"].data) == 8


def test_every_rule_is_a_dot_at_its_measures(tmp_path: Path) -> None:
    """Per cent on the axes, coloured by lift, the highest lift drawn last."""
    data = pd.DataFrame(
        {"support": [0.1, 0.2, 0.4], "confidence": [0.5, 0.6, 0.9], "lift": [3.0, 1.0, 2.0]}
    )
    ax = charts.plot_rules(data, 5)
    (points,) = ax.collections
    assert np.asarray(points.get_offsets()).tolist() == [[20, 60], [40, 90], [10, 50]]
    assert list(points.get_array()) == [1.0, 2.0, 3.0]
    assert (ax.get_xlabel(), ax.get_ylabel()) == (
        "support (% of the baskets, with both sides)", "confidence (%)",
    )  # fmt: skip
    assert get_headline(ax.figure) == "5 rules, the first 3 drawn, with a lift of 1 to 3"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("support", "scale"), [([0.001, 0.2], "log"), ([0.1, 0.2], "linear"), ([0.1], "linear")]
)
def test_a_wide_axis_is_logarithmic(support: list[float], scale: str) -> None:
    """One rule alone is drawn too."""
    data = pd.DataFrame({"support": support, "confidence": 0.5, "lift": 2.0})
    ax = charts.plot_rules(data, len(data))
    assert ax.get_xscale() == scale
    assert "with a lift of 2" in get_headline(ax.figure)  # type: ignore[arg-type]


def test_the_first_rules_are_set_against_chance() -> None:
    """A tick where all baskets stand, a dot where those with the left side do, a diamond on the hold-out."""
    data = pd.DataFrame(
        {
            "left": ["herbs", "x & " * 60 + "y"], "right": ["root", "z"], "confidence": [0.4, 0.8],
            "holdout": [0.35, np.nan], "expected": [0.1, 0.2],
        }
    )  # fmt: skip
    ax = charts.plot_top_rules(data, what="row")
    expected, found, held_out = (line.get_xdata() for line in ax.get_lines())
    assert list(expected) == [10, 20]
    assert list(found) == [40, 80]
    assert held_out[0] == pytest.approx(35)
    assert np.isnan(held_out[1])
    assert max(len(text.get_text()) for text in ax.texts) < 80
    assert get_headline(ax.figure) == (  # type: ignore[arg-type]
        f"40.0{SPACE}% of the rows with herbs have root, 10.0{SPACE}% of all rows do"
    )


def test_without_a_hold_out_there_are_no_diamonds(tmp_path: Path) -> None:
    """Neither in the chart nor in the table nor in the words."""
    findings = mine(tmp_path / "now", n_holdout=0)
    drawn = draw_findings(findings)["rules_top"]
    assert len(drawn.figure.axes[0].get_lines()) == 2
    assert "diamond" not in drawn.caption
    assert "Hold-out" not in render_section(findings).words


def test_long_items_keep_both_ends() -> None:
    """A column and its value stay in sight."""
    said = say_rule(
        "marital_status = Married-civ-spouse & native_country = United-States", "x" * 99
    )
    assert len(said) <= 75
    assert "marital" in said
    assert "spouse & native" in said


def test_the_most_frequent_items_are_bars() -> None:
    """Fifteen of them, with their numbers."""
    data = pd.DataFrame({"item": [f"i{i}" for i in range(20)], "n": range(40, 20, -1)})
    ax = charts.plot_items(data.assign(support=data["n"] / 50), 300)
    assert [bar.get_width() for bar in ax.containers[0]][:2] == pytest.approx([80, 78])
    assert len(ax.get_yticklabels()) == 15
    assert get_headline(ax.figure) == (  # type: ignore[arg-type]
        f"i0 is in 80.0{SPACE}% of the baskets; 300 items are frequent"
    )


def test_the_section_counts_and_lists_rules(tmp_path: Path) -> None:
    """How many were looked at and left, the first ones with all measures, and where the rest is."""
    findings = mine(tmp_path / "now", min_support=0.1, max_length=2, keep_implied=True)
    counts = findings.document["rules"]
    page = render_section(findings)
    text = page.words.replace(SPACE, " ")
    assert f"{counts['n_kept']} rules hold in 300 training baskets of 8 different items" in text
    assert f"rules looked at {counts['n_looked_at']}" in text
    first = findings.document["top"][0]
    assert f"{first['lift']:.2f} {first['leverage']:.4f} {first['conviction']:.2f}" in text
    assert say_percent(first["holdout"]["confidence"]).replace(SPACE, " ") in text
    assert "rules.html" in text
    assert len(page.find("caption")) == len(page.find("table")) == 2
    assert {t.get("scope") for t in page.find("th")} == {"col", "row"}


def test_many_rules_are_cut_and_said_so(tmp_path: Path) -> None:
    """Twenty-five of them in the table."""
    findings = mine(
        tmp_path / "now", min_confidence=0.1, max_false_discovery_rate=None, keep_implied=True
    )
    page = render_section(findings)
    n_kept = findings.document["rules"]["n_kept"]
    assert n_kept > 100
    assert f"The first 25 of {n_kept:,} rules by lift" in page.words
    assert len(page.find("tr")) < 40


def test_a_rule_that_is_never_wrong_has_no_conviction(tmp_path: Path) -> None:
    """The table says always."""
    findings = mine(
        tmp_path / "now", {"items": ["a|b"] * 40 + ["b"] * 10 + ["c"] * 60}, n_holdout=0
    )
    assert "always" in render_section(findings).words
    assert findings.document["top"][0]["conviction"] is None or any(
        rule["conviction"] is None for rule in findings.document["top"]
    )


def test_changes_since_the_night_before_are_told(tmp_path: Path) -> None:
    """New rules, gone rules, and those that hold more or less often than then."""
    mine(
        tmp_path / "before",
        {"items": make_texts(5)},
        min_confidence=0.3,
        max_false_discovery_rate=0.5,
    )
    findings = mine(
        tmp_path / "now",
        earlier=tmp_path / "before",
        min_confidence=0.3,
        max_false_discovery_rate=0.5,
    )
    since = findings.document["since"]
    text = render_section(findings).words
    assert "Since the night of 2026-01-06" in text
    assert f"{since['n_stayed']} hold" in text
    for title, key in (
        ("New rules", "new"),
        ("Rules that are gone", "gone"),
        ("Rules that hold more or less often", "moved"),
    ):
        assert (title in text) == bool(since[key])
    assert since["moved"]


def test_a_table_speaks_of_rows_and_of_what_was_left_out(tmp_path: Path) -> None:
    """Its items are values of columns."""
    x = np.arange(100.0)
    columns = {"x": x, "kind": ["a"] * 50 + ["b"] * 50, "same": ["s"] * 100}
    preparation = Preparation("kind", ("a", "b"), None, None, ("x",))
    findings = mine(
        tmp_path / "now",
        columns,
        n_holdout=0,
        preparation=preparation,
        columns=["x", "kind", "same"],
    )
    text = render_section(findings).words
    assert "100 training rows of" in text
    assert "Not looked at: same , it has one value only." in text
    assert all("basket" not in chart.title for chart in draw_findings(findings).values())


def test_hostile_items_stay_text(tmp_path: Path) -> None:
    """Markup, TeX, a name of 300 letters and all scripts, in the tables and in every chart."""
    names = (HOSTILE, "$\\frac{1}{2}$", "x" * 300, "日本語", "{{ 7 * 7 }}")
    columns = {"items": make_texts(0, names)}
    findings = mine(tmp_path / "now", columns, min_confidence=0.1, max_false_discovery_rate=None)
    document = {**findings.document, "left_out": [{"column": HOSTILE, "why": HOSTILE}] * 40}
    page = render_section(replace(findings, document=document))
    assert page.find("script") == []
    assert HOSTILE in page.words
    assert "49" not in page.words.split("Not looked at")[0].split("{{ 7")[1][:6]
    for chart in draw_findings(findings).values():
        save_chart(chart, tmp_path)
        assert "<script" not in (tmp_path / f"{chart.name}.svg").read_text(encoding="utf-8")


def test_the_first_rules_are_a_table(tmp_path: Path) -> None:
    """Shares of the right side come from the counts."""
    findings = mine(tmp_path / "now")
    top, first = tabulate_top(findings.document), findings.document["top"][0]
    assert top.loc[0, "expected"] == first["n_right"] / 300
    assert top.loc[0, "left"] == " & ".join(first["left"])
    assert str(top["holdout"].dtype) == "float64"
