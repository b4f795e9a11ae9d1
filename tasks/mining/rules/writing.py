"""What the step of association rules writes: the document, two lists for spreadsheets, and a page.

Shell of association rules beside ``step``; the same rules give the same bytes.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tasks.mining.documents import round_figure
from tasks.mining.rules.itemsets import Itemsets
from tasks.mining.rules.pick import Rule
from tasks.mining.rules.recount import Recount

RULES_FILE, ITEMSETS_FILE = "rules.csv", "itemsets.csv"
MAX_ITEMSET_ROWS = 100_000  # the most frequent ones; 10 MB
JOINT = " & "
# A spreadsheet takes a cell that begins so for a formula, which may call programs (OWASP, "CSV injection").
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")

RULE_COLUMNS = (
    "left", "right", "n", "n_left", "n_right", "support", "confidence", "lift", "leverage",
    "conviction", "p_value", "q_value", "holdout_n", "holdout_n_left", "holdout_support",
    "holdout_confidence", "holdout_lift",
)  # fmt: skip


def write_rules(rules: Sequence[Rule], recounts: Sequence[Recount], folder: Path) -> None:
    """Write ``rules.csv`` (RFC 4180, UTF-8): every rule that is kept, in order.

    Items are joined by `` & ``. A text that a spreadsheet would run as a formula gets an apostrophe
    before it. A conviction without limit and what was not counted are empty.
    """

    def list_rows() -> Iterable[Sequence[Any]]:
        for i, rule in enumerate(rules):
            found = describe_rule(rule, recounts[i] if i < len(recounts) else None)
            holdout = found["holdout"] or {}
            sides = [join_items(rule.left), join_items(rule.right)]
            measures = [found[name] for name in RULE_COLUMNS[2:12]]
            others = [holdout.get(name.removeprefix("holdout_")) for name in RULE_COLUMNS[12:]]
            yield [*sides, *measures, *others]

    _write_csv(folder / RULES_FILE, RULE_COLUMNS, list_rows())


def write_itemsets(itemsets: Itemsets, names: Sequence[str], n_baskets: int, folder: Path) -> int:
    """Write ``itemsets.csv``: the frequent itemsets, the most frequent first; gives their number."""
    lengths = np.repeat(np.arange(len(itemsets.levels)) + 1, itemsets.n_by_length)
    places = np.concatenate([np.arange(n) for n in itemsets.n_by_length])
    counts = np.concatenate(itemsets.counts)
    order = np.lexsort((places, lengths, -counts))[:MAX_ITEMSET_ROWS]

    def list_rows() -> Iterable[Sequence[Any]]:
        for length, place in zip(lengths[order].tolist(), places[order].tolist(), strict=True):
            items = itemsets.levels[length - 1][place].tolist()
            n = int(itemsets.counts[length - 1][place])
            text = join_items(sorted(names[code] for code in items))
            yield [text, length, n, round_figure(n / n_baskets)]

    _write_csv(folder / ITEMSETS_FILE, ("items", "length", "n", "support"), list_rows())
    return len(order)


def describe_rule(rule: Rule, recount: Recount | None) -> dict[str, Any]:
    """Make a rule's part of the document: items as lists, figures with six digits."""
    return {
        "left": list(rule.left),
        "right": list(rule.right),
        "n": rule.n_both,
        "n_left": rule.n_left,
        "n_right": rule.n_right,
        "support": round_figure(rule.support),
        "confidence": round_figure(rule.confidence),
        "lift": round_figure(rule.lift),
        "leverage": round_figure(rule.leverage),
        "conviction": None if rule.conviction is None else round_figure(rule.conviction),
        "p_value": round_figure(rule.p_value),
        "q_value": round_figure(rule.q_value),
        "holdout": None if recount is None else _describe_recount(recount),
    }


def join_items(items: Sequence[str]) -> str:
    """Join items as the lists and the report show them; what looks like a formula is made text."""
    text = JOINT.join(items)
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _describe_recount(recount: Recount) -> dict[str, Any]:
    confidence, lift = recount.confidence, recount.lift
    return {
        "n": recount.n_both,
        "n_left": recount.n_left,
        "support": round_figure(recount.support),
        "confidence": None if confidence is None else round_figure(confidence),
        "lift": None if lift is None else round_figure(lift),
    }


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(header)
        writer.writerows(rows)
