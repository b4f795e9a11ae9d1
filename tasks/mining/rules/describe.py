"""The document of a night's association rules: what was looked at, what was left at each stage, the best.

Pure module of association rules: results in, a JSON-able mapping out; ``tasks.reporting`` shows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tasks.mining.documents import round_figure
from tasks.mining.rules.baskets import Baskets
from tasks.mining.rules.bins import Bins
from tasks.mining.rules.changes import Changes, Figures, Sides
from tasks.mining.rules.pick import Picked
from tasks.mining.rules.recount import Recount
from tasks.mining.rules.search import Searched
from tasks.mining.rules.table import LeftOut
from tasks.mining.rules.writing import describe_rule
from tasks.workflow import Rules

FORMAT = 1
MAX_TOP_RULES = 200
MAX_TOP_ITEMS = 30


@dataclass(frozen=True)
class Night:
    """All that one night found.

    Parameters
    ----------
    options : Rules
    baskets : Baskets
        As they were read, with rare items.
    left_out : sequence of LeftOut
        Columns of a table that gave no items.
    bins : sequence of Bins
        How a table's columns of numbers are cut.
    searched : Searched
    picked : Picked
    recounts : sequence of Recount
        Of the first rules, on the hold-out; empty where there is none.
    earlier_date : str or None
    changes : Changes or None
        Since that night.
    """

    options: Rules
    baskets: Baskets
    left_out: Sequence[LeftOut]
    bins: Sequence[Bins]
    searched: Searched
    picked: Picked
    recounts: Sequence[Recount]
    earlier_date: str | None = None
    changes: Changes | None = None


def describe_night(night: Night) -> dict[str, Any]:
    """Make the document ``rules.json``.

    Parameters
    ----------
    night : Night

    Returns
    -------
    dict
        Figures with six significant digits, shares from 0 to 1.
    """
    baskets, searched, picked = night.baskets, night.searched, night.picked
    options = night.options
    n_baskets = baskets.n_baskets
    frequent = searched.baskets
    counts = frequent.count_items()
    rules = picked.rules
    return {
        "format": FORMAT,
        "asked": options.model_dump(mode="json"),
        "kind": "table" if options.baskets is None else "baskets",
        "baskets": {
            "n": n_baskets,
            "n_empty": baskets.n_empty,
            "n_rows_skipped": baskets.n_skipped,
            "n_items": int((baskets.count_items() > 0).sum()),
            "n_frequent_items": frequent.n_items,
            "mean_items": round_figure(len(baskets.items) / n_baskets),
            "min_count": searched.min_count,
        },
        "left_out": [asdict(column) for column in night.left_out],
        # The next night cuts alike while that fits; unrounded, so that its items have the same names.
        "bins": {"asked": options.bins, "columns": [asdict(column) for column in night.bins]},
        # The rarest stand first, and the most frequent last.
        "items": [
            {
                "item": frequent.names[code],
                "n": int(counts[code]),
                "support": round_figure(float(counts[code] / n_baskets)),
            }
            for code in range(frequent.n_items - 1, -1, -1)[:MAX_TOP_ITEMS]
        ],
        "itemsets": {
            "n": len(searched.itemsets),
            "n_by_length": list(searched.itemsets.n_by_length),
            "n_estimated": round_figure(searched.estimate.n_itemsets),
            "standard_error": round_figure(searched.estimate.standard_error),
        },
        "rules": {
            "n_looked_at": picked.n_looked_at,
            "n_confident": picked.n_confident,
            "n_not_implied": picked.n_not_implied,
            "n_significant": picked.n_significant,
            "n_kept": len(rules),
        },
        "top": [
            describe_rule(rule, night.recounts[i] if i < len(night.recounts) else None)
            for i, rule in enumerate(rules[:MAX_TOP_RULES])
        ],
        "holdout": _describe_holdout(night),
        "since": _describe_changes(night),
    }


def compare_confidence(night: Night) -> tuple[float, float, int] | None:
    """Mean confidence of the recounted rules where they were found, and on the hold-out; and their number.

    Rules whose left side is in no hold-out basket are left out; None where no rule is left.
    """
    pairs = [
        (rule.confidence, recount.confidence)
        for rule, recount in zip(night.picked.rules, night.recounts, strict=False)
        if recount.confidence is not None
    ]
    if not pairs:
        return None
    found, confirmed = (sum(values) / len(pairs) for values in zip(*pairs, strict=True))
    return found, confirmed, len(pairs)


def _describe_holdout(night: Night) -> dict[str, Any] | None:
    if not night.recounts:
        return None
    compared = compare_confidence(night)
    lifts = [recount.lift for recount in night.recounts]
    return {
        "n_baskets": night.recounts[0].n_baskets,
        "n_rules": len(night.recounts),
        "n_compared": compared[2] if compared else 0,
        "mean_confidence_found": round_figure(compared[0]) if compared else None,
        "mean_confidence": round_figure(compared[1]) if compared else None,
        "n_lift_above_one": sum(lift is not None and lift > 1 for lift in lifts),
    }


def _describe_changes(night: Night) -> dict[str, Any] | None:
    changes = night.changes
    if changes is None:
        return None

    def describe(sides: Sides, figures: Figures) -> dict[str, Any]:
        return {"left": sides[0], "right": sides[1], **asdict(figures)}

    return {
        "date": night.earlier_date,
        "n_new": changes.n_new,
        "n_gone": changes.n_gone,
        "n_stayed": changes.n_stayed,
        "new": [describe(*told) for told in changes.new],
        "gone": [describe(*told) for told in changes.gone],
        "moved": [
            {**describe(sides, now), "earlier": asdict(before)}
            for sides, before, now in changes.moved
        ],
    }
