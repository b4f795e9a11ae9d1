"""The comparison as dots: scores, of which the greatest is best, and errors, of which the smallest is."""

from __future__ import annotations

import pandas as pd
import pytest
from report_support import get_title

from tasks.reporting import charts, documents
from tasks.reporting.documents import NightDocuments

NBSP = "\N{NO-BREAK SPACE}"


def make_rows(values: tuple[float, float, float]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "model": ["net", "line", "old"],
            "role": ["challenger", "baseline", "champion"],
            "label": ["net (challenger)", "line", "champion (version 3)"],
            "value": values,
            "low": float("nan"),
            "high": float("nan"),
        }
    )


def test_of_errors_the_smallest_is_on_top(forecast_night: NightDocuments) -> None:
    """Best first, and the axis says which way is better."""
    scores = forecast_night.scores or {}
    data = documents.tabulate_scores(scores)
    ax = charts.plot_scores(data, "mse", 40, is_error=True, noun="window")
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == ["line", "lstm (challenger)", "last_value", "gru"]
    assert ax.get_xlabel() == "MSE, smaller is better,\non the same 40 hold-out windows"
    # 0.3 is a quarter less than 0.4.
    assert get_title(ax) == (
        f"line has the smallest MSE, 0.300: 25.0{NBSP}% less than lstm (challenger)"
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((2.0, 3.0, 2.5), "net (challenger) has the smallest RMSE, 2.000: 20.0 % less than champion (version 3)"),
        ((2.0, 3.0, 2.0), "net (challenger) and champion (version 3) share the smallest RMSE, 2.000: 33.3 % less than line"),
        ((3.0, 2.0, 2.5), "line has the smallest RMSE, 2.000: 33.3 % less than net (challenger)"),
        ((2.0, float("nan"), float("nan")), "net (challenger) has the smallest RMSE, 2.000"),
        ((float("nan"),) * 3, "No model has an RMSE"),
    ],
)  # fmt: skip
def test_the_message_compares_with_who_was_there_before(
    values: tuple[float, float, float], message: str
) -> None:
    """A network is measured by the champion, else by the baseline; what beats it is said of it."""
    ax = charts.plot_scores(make_rows(values), "rmse", 10, is_error=True)
    assert get_title(ax) == message.replace(" %", f"{NBSP}%")


def test_a_baseline_that_leads_is_not_hidden() -> None:
    """The challenger is named as the one it beats, also where a greater score is better."""
    title = get_title(charts.plot_scores(make_rows((0.9, 0.95, 0.8)), "macro_f1", 10))
    assert title == "line leads with a macro F1 of 0.950, ahead of net (challenger) with 0.900"
