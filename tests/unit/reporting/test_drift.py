"""A scoring's drift as charts and a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from report_support import get_title, get_words

from tasks.reporting import charts
from tasks.reporting.drift import draw_drift, render_page, tabulate_columns
from tasks.reporting.pages import EmbeddedChart

HOSTILE = '<script>alert("x")</script>'


def make_column(name: str, psi: float, *, part: str = "input", drifts: bool = False) -> dict[str, Any]:  # fmt: skip
    return {
        "name": name,
        "part": part,
        "is_drifting": drifts,
        "psi": psi,
        "js": psi / 6,
        "expected_psi": 0.05,
        "expected_js": 0.01,
        "chance_psi": 0.12,
        "chance_js": 0.02,
        "bins": [
            {"label": "up to 3", "then": 0.6, "now": 0.2},
            {"label": HOSTILE, "then": 0.4, "now": 0.7},
            {"label": "other", "then": 0.0, "now": 0.1},
            {"label": "missing", "then": 0.0, "now": 0.0},
        ],
    }


def make_document(*columns: dict[str, Any], problem: str | None = None) -> dict[str, Any]:
    return {
        "workflow": "shop",
        "version": "3",
        "night": "2026-01-09",
        "training_night": "2026-01-07",
        "kind": "classification",
        "rows": 1250,
        "scored": 1240,
        "refused": 10,
        "drift": {
            "is_drifting": any(column["is_drifting"] for column in columns),
            "sentence": f"Drift in {HOSTILE}.",
            "problem": problem,
            "n_training": 4000,
            "n_rows": 0 if problem else 250,
            "max_psi": 0.25,
            "max_js": 0.1,
            "columns": list(columns),
        },
    }


MOVED = make_document(
    make_column("spent", 3.0, drifts=True),
    make_column(HOSTILE, 0.1),
    make_column("prediction", 0.02, part="prediction"),
)


def test_columns_stand_with_their_figure_limit_and_chance() -> None:
    """A bar for each; one that would leave the others no room is cut off, and its figure says so."""
    data = tabulate_columns(MOVED["drift"]["columns"])
    ax = charts.plot_drift(data, 0.25)
    assert get_title(ax) == "spent has drifted, alone of 3 columns"
    assert get_words(ax) == ["3.000, cut off", "0.100", "0.020"]
    assert [bar.get_width() for bar in ax.patches] == pytest.approx([1.25, 0.1, 0.02])
    labels = [tick.get_text() for tick in ax.get_yticklabels()]
    assert labels[2] == "prediction (said)"


@pytest.mark.parametrize(
    ("drifting", "title"),
    [
        ([False, False, False], "None of 3 columns has drifted"),
        ([True, True, False], "2 of 3 columns have drifted, a most"),
    ],
)
def test_the_title_says_how_many_have_drifted(drifting: list[bool], title: str) -> None:
    """And which one most."""
    columns = [make_column(n, 0.3, drifts=d) for n, d in zip("abc", drifting, strict=True)]
    assert get_title(charts.plot_drift(tabulate_columns(columns), 0.25)) == title


def test_a_distribution_shows_both_shares_of_every_bin() -> None:
    """Bins that nobody is in are left out; the title names the one that moved most."""
    bins = pd.DataFrame(make_column("spent", 0.3)["bins"])
    ax = charts.plot_distribution(bins, "spent")
    assert [bar.get_width() for bar in ax.patches] == pytest.approx([60, 40, 0, 20, 70, 10])
    assert get_title(ax).startswith("spent: up to 3 went from 60.0\xa0% to 20.0\xa0% of the rows")


def test_every_judged_document_has_its_charts() -> None:
    """All columns together, the inputs that moved most, and what the champion said."""
    many = make_document(
        *(make_column(f"x{i}", 0.2) for i in range(9)),
        make_column("prediction", 0.1, part="prediction"),
    )
    assert [chart.name for chart in draw_drift(many)] == [
        "drift",
        *(f"distribution_{i}" for i in range(1, 6)),
    ]
    assert list(draw_drift(make_document(problem="no row is new"))) == []


def test_the_page_escapes_what_comes_from_the_data() -> None:
    """Column names and sentences are data, and the page runs nothing."""
    page = render_page(MOVED, [], description=HOSTILE, provenance={"MLflow run": "abc"})
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page
    assert "1,240" in page
    assert "of the night of 2026-01-07" in page


def test_the_page_of_what_was_not_judged_says_so(tmp_path: Path) -> None:
    """Without a table and without charts."""
    page = render_page(
        make_document(problem="no row is new"), [], description="Test.", provenance={}
    )
    assert "Not judged" in page
    assert "<table" not in page


def test_the_page_shows_its_charts_inside_itself() -> None:
    """As pictures for light and dark pages, with words for who does not see them."""
    drawn = [EmbeddedChart("drift", "t", "caption", "what it shows", 500, 300, "<svg></svg>")]
    page = render_page(MOVED, drawn, description="Test.", provenance={})
    assert page.count("data:image/svg+xml,") == 2
    assert 'alt="what it shows"' in page
