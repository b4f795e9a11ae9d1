"""The section of the report on ``mining.rules``: how many rules hold, the first of them, and what changed.

Pure but for reading the folder that ``tasks.mining.rules`` wrote.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

import pandas as pd

from tasks.reporting import charts
from tasks.reporting.chart import Chart, get_figure
from tasks.reporting.charts.rules import MAX_ITEMS, MAX_RULES
from tasks.reporting.mining.findings import Findings, read_json
from tasks.reporting.style import say_count

MAX_SHOWN = 25  # rules in the table
MAX_DRAWN = 10_000  # rules in the scatter
JOINT = " & "
_POINTS = ["support", "confidence", "lift"]


@dataclass(frozen=True)
class RulesFindings(Findings):
    """Association rules of the training rows.

    Parameters
    ----------
    document : mapping
        ``rules.json``.
    points : DataFrame
        Columns ``support``, ``confidence`` and ``lift`` of the first rules of ``rules.csv``.
    """

    KIND: ClassVar[str] = "rules"
    TITLE: ClassVar[str] = "Association rules"
    TEMPLATE: ClassVar[str] = "mining_rules.html"

    points: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=_POINTS))

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the document and the list of rules."""
        points = pd.read_csv(
            folder / "rules.csv", usecols=_POINTS, nrows=MAX_DRAWN, encoding="utf-8"
        )
        return cls(read_json(folder / "rules.json"), points=points)

    def draw(self) -> Iterator[Chart]:
        """Draw the rules by their measures, the first of them, and the items."""
        document = self.document
        n_rules = int(document["rules"]["n_kept"])
        if self.points.empty:
            return
        what = self._basket
        yield Chart(
            "rules",
            "rules",
            get_figure(charts.plot_rules(self.points, n_rules, what=what)),
            self.points,
            "Each dot is a rule. To the right it holds for more "
            f"{what}s, to the top more surely; the "
            "colour says how many times as often as by chance.",
            f"Scatter plot of {say_count(len(self.points), 'rule')} by support and confidence, "
            "coloured by lift.",
        )
        top = tabulate_top(document)
        has_holdout = bool(top["holdout"].notna().any())
        yield Chart(
            "rules_top",
            "rules",
            get_figure(charts.plot_top_rules(top, what=what)),
            top,
            f"The longer the line, the more the left side tells about the right one: it starts at the "
            f"share of all {what}s that have the right side."
            + (
                " A diamond near its dot: the rule holds on rows it was not found in."
                if has_holdout
                else ""
            ),
            f"Dot plot of the confidence of {say_count(min(len(top), MAX_RULES), 'rule')}.",
        )
        items = pd.DataFrame(document["items"], columns=["item", "n", "support"])
        yield Chart(
            "rules_items",
            "rules",
            get_figure(
                charts.plot_items(items, int(document["baskets"]["n_frequent_items"]), what=what)
            ),
            items,
            "Items that stand nearly everywhere say little: a rule to them is seldom better than chance.",
            f"Bar chart of the {say_count(min(len(items), MAX_ITEMS), 'most frequent item')}.",
        )

    def tell(self) -> Mapping[str, Any]:
        """Make what the section shows: counts, the first rules, and what changed."""
        document = self.document
        asked = document["asked"]
        return {
            "what": self._basket,
            "baskets": document["baskets"],
            "itemsets": document["itemsets"],
            "rules": document["rules"],
            "asked": asked,
            "max_length": len(document["itemsets"]["n_by_length"]),
            "left_out": document["left_out"][:MAX_SHOWN],
            "n_left_out": len(document["left_out"]),
            "top": [
                {**rule, "left": JOINT.join(rule["left"]), "right": JOINT.join(rule["right"])}
                for rule in document["top"][:MAX_SHOWN]
            ],
            "holdout": document["holdout"],
            "since": document["since"],
        }

    @property
    def _basket(self) -> str:
        """What a basket is called: of a table it is a row."""
        return "row" if self.document["kind"] == "table" else "basket"


def tabulate_top(document: Mapping[str, Any]) -> pd.DataFrame:
    """First rules: ``left``, ``right``, ``confidence``, ``holdout``, ``expected``, all 0 to 1."""
    n_baskets = int(document["baskets"]["n"])
    return pd.DataFrame(
        [
            (
                JOINT.join(rule["left"]),
                JOINT.join(rule["right"]),
                float(rule["confidence"]),
                (rule["holdout"] or {}).get("confidence"),
                rule["n_right"] / n_baskets,
            )
            for rule in document["top"]
        ],
        columns=["left", "right", "confidence", "holdout", "expected"],
    ).astype({"holdout": float})
