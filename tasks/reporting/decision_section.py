"""The report's section on the decision: its rules with their figures, and the chart of the gain.

Pure module of the reporting stage: the documents of the gate and the evaluation go in, rows and charts
come out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd

from tasks.reporting import charts
from tasks.reporting.chart import Chart, get_figure
from tasks.reporting.charts.gate import OVERALL
from tasks.reporting.documents import Document, NightDocuments, name_rows
from tasks.reporting.style import (
    get_float,
    say_count,
    say_metric,
    say_number,
    say_percent,
    say_score,
    shorten,
)

MAX_GROUPS = 8  # those that lost most; the table of groups has all
_UNITS = ("ms", "MB")
_GAINS = ("gain over the champion", "gain beyond chance")
_RULES_ABOUT_THE_GAIN = (*_GAINS, "McNemar's test")


def list_rules(decision: Document | None) -> list[dict[str, Any]]:
    """List the rules of a decision, figures written in their units.

    Parameters
    ----------
    decision : mapping or None
        ``decision.json``.

    Returns
    -------
    list of dict
        ``name``, ``figure``, ``limit``, ``passed``, ``sentence``.
    """
    if decision is None:
        return []
    return [
        {
            **rule,
            "figure": _say_figure(get_float(rule["figure"]), rule, decision),
            "limit": _say_figure(get_float(rule["limit"]), rule, decision),
        }
        for rule in decision["rules"]
    ]


def draw_decision(night: NightDocuments) -> Iterator[Chart]:
    """Draw by how much the challenger is better than the champion, where there is one.

    Parameters
    ----------
    night : NightDocuments

    Yields
    ------
    Chart
    """
    decision = night.decision
    data = tabulate_gains(decision, night.scores)
    if decision is None or data.empty:
        return
    confidence = decision["paired"]["confidence"] * 100
    n_groups = len(data) - 1
    groups = (
        f" Below, {say_count(n_groups, 'class or slice', 'classes and slices')} that lost most or "
        "gained least, each with the limit of what it may lose."
        if n_groups
        else ""
    )
    yield Chart(
        "gate",
        "decision",
        get_figure(charts.plot_gate(data, say_gain(decision, data), _name_axis(decision))),
        data,
        f"Champion and challenger predicted the same rows. The bar is the {confidence:g}\N{NO-BREAK SPACE}% "
        "interval of the gain over resampled hold-outs: all of it must lie right of the champion, and "
        f"of the least gain where there is one.{groups}",
        f"Dot plot of the gain over the champion, with its interval, and of {say_count(n_groups, 'group')}.",
        source="decision",
    )


def tabulate_gains(decision: Document | None, scores: Document | None) -> pd.DataFrame:
    """Tabulate the gain over the champion as a whole, and where it was least.

    Parameters
    ----------
    decision, scores : mapping or None
        ``decision.json`` and ``scores.json``.

    Returns
    -------
    DataFrame
        As :func:`tasks.reporting.charts.gate.plot_gate` takes it: of accuracy and macro F1 in
        percentage points, of errors in per cent of the champion's, of R2 as it is. Empty where there is
        no gain that is a number.
    """
    columns = ["kind", "label", "value", "low", "high", "limit", "passed"]
    paired = (decision or {}).get("paired")
    if decision is None or not paired or not math.isfinite(get_float(paired["gain"])):
        return pd.DataFrame(columns=columns)
    factor = _find_factor(decision)
    low, high = (get_float(end) * factor for end in paired["interval"])
    limits = decision.get("limits") or {}
    rows = [
        {
            "kind": OVERALL,
            "label": f"all {say_count(decision['n_holdout'], name_rows(scores or {}))}",
            "value": paired["gain"] * factor,
            "low": low,
            "high": high,
            "limit": get_float(limits.get("min_gain")) * factor,
            "passed": all(
                r["passed"] for r in decision["rules"] if r["name"] in _RULES_ABOUT_THE_GAIN
            ),
        }
    ]
    if decision["metric"] != "r2":  # its groups are compared by another figure
        rows += _list_groups(scores or {}, limits)
    return pd.DataFrame(rows, columns=columns)


def _list_groups(scores: Document, limits: Document) -> list[dict[str, Any]]:
    most = limits.get("max_group_loss")
    judged = [
        group
        for group in scores.get("groups") or ()
        if group["n_rows"] >= (limits.get("min_group_rows") or 0)
        and math.isfinite(get_float(group["loss"]))
    ]
    judged.sort(key=lambda group: -float(group["loss"]))
    return [
        {
            "kind": group["by"],
            "label": f"{_name_group(group)} ({group['n_rows']:,})",
            "value": -100.0 * group["loss"],
            "low": math.nan,
            "high": math.nan,
            "limit": math.nan if most is None else -100.0 * most,
            "passed": most is None or group["loss"] <= most,
        }
        for group in judged[:MAX_GROUPS]
    ]


def say_gain(decision: Document, data: pd.DataFrame) -> str:
    """Say in a title how large the gain is, and what stands in its way.

    Parameters
    ----------
    decision : mapping
    data : DataFrame
        From :func:`tabulate_gains`.
    """
    row = data.iloc[0]
    size = _say_size(decision, float(row["value"]))
    worst = data.iloc[1:]
    if row["high"] < 0:
        return size
    if not row["passed"]:
        is_chance = not row["low"] > 0
        return f"{size}, which {'can be chance' if is_chance else 'is not enough'}"
    if not worst.empty and not worst["passed"].all():
        return f"{size}, but {worst.iloc[0]['label'].rpartition(' (')[0]} loses too much"
    return f"{size}, which is more than chance"


def _name_group(group: Document) -> str:
    if group["by"] == "class":
        return f"class {shorten(group['value'], 16)}"
    return f"{shorten(group['column'], 10)} {shorten(group['value'], 12)}"


def _find_factor(decision: Document) -> float:
    """Find what turns a gain into the chart's unit."""
    if decision["metric"] == "r2":
        return 1.0
    if decision.get("is_error"):
        champion = get_float(decision["champion"]["score"])
        return 100.0 / champion if champion > 0 else math.nan
    return 100.0


def _say_size(decision: Document, value: float) -> str:
    name, metric = shorten(decision["challenger"]["name"], 24), say_metric(decision["metric"])
    size = f"{abs(value):.3g}"
    if decision.get("is_error"):
        than = "smaller" if value >= 0 else "larger"
        return f"{name}'s {metric} is {size}\N{NO-BREAK SPACE}% {than} than the champion's"
    better = "better" if value >= 0 else "worse"
    if decision["metric"] == "r2":
        return f"{name}'s {metric} is {size} {better} than the champion's"
    points = "point" if size == "1" else "points"
    of_what = "" if decision["metric"] == "accuracy" else f" of {metric}"
    return f"{name} is {size} {points}{of_what} {better} than the champion"


def _name_axis(decision: Document) -> str:
    champion, metric = f"version {decision['champion']['version']}", say_metric(decision["metric"])
    if decision.get("is_error"):
        return f"{metric} smaller than that of {champion} by (%)"
    if decision["metric"] == "r2":
        return f"{metric} more than that of {champion}"
    return f"points better than {champion}"


def _say_figure(figure: float, rule: Document, decision: Document) -> str:
    unit = rule.get("unit", "")
    if not math.isfinite(figure):
        return "none"
    if unit in _UNITS:
        return f"{say_number(figure)}\N{NO-BREAK SPACE}{unit}"
    if unit in ("p", "difference"):
        return f"{figure:.2g}"
    if unit == "loss" and decision.get("is_error"):
        return say_percent(figure)
    if unit == "loss" or (unit == "accuracy" and rule["name"] in _GAINS):
        return f"{figure * 100:.2f} points"
    return say_score(unit, figure)
