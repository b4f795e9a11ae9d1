"""Association rules of one night: baskets read, itemsets searched, rules picked, recounted and written.

Shell of association rules; called by ``tasks.mining.step`` with the rows and an empty folder.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tasks.errors import MiningError
from tasks.mining.documents import round_figure, write_document
from tasks.mining.found import Earlier, Found
from tasks.mining.rows import HOLDOUT, TRAIN, VALIDATION, MiningRows
from tasks.mining.rules.baskets import Baskets, count_least
from tasks.mining.rules.bins import read_bins
from tasks.mining.rules.changes import Changes, Figures, Sides, compare_rules, read_figures
from tasks.mining.rules.describe import Night, compare_confidence, describe_night
from tasks.mining.rules.page import render_page
from tasks.mining.rules.pick import Limits, Rule, pick_rules
from tasks.mining.rules.problems import check_rules, select_right
from tasks.mining.rules.recount import Recount, recount_rules
from tasks.mining.rules.search import search_itemsets
from tasks.mining.rules.splits import split_itemsets
from tasks.mining.rules.table import TableItems, choose_items
from tasks.mining.rules.transactions import read_basket_column, read_basket_pairs
from tasks.mining.rules.writing import RULES_FILE, join_items, write_itemsets, write_rules
from tasks.workflow import Rules
from tasks.workflow.mining import BasketColumn, BasketPairs

logger = logging.getLogger(__name__)

DOCUMENT_FILE, PAGE_FILE = "rules.json", "rules.html"
_MAX_SAID = 60  # characters of a rule's side in the log


def mine_rules(
    rows: MiningRows, options: Rules, folder: Path, *, seed: int, earlier: Earlier | None
) -> Found:
    """Find the association rules of the training rows.

    Parameters
    ----------
    rows : MiningRows
    options : Rules
        What ``mining.rules`` asks for.
    folder : Path
        Gets ``rules.json``, ``rules.csv``, ``itemsets.csv`` and ``rules.html``.
    seed : int
        Draws the sample that says where numbers are cut, and the probes of the estimate.
    earlier : Earlier or None
        What the night before found, to say what changed.

    Returns
    -------
    Found

    Raises
    ------
    MiningError
        When there are no baskets to read, too many itemsets, or no rule that holds.
    """
    baskets, table = _read_baskets(rows, options, seed, earlier)
    searched = search_itemsets(baskets, options.min_support, options.max_length, seed=seed)
    is_right = select_right(searched, baskets, options.right)
    splits = split_itemsets(searched.itemsets, baskets.n_baskets, options.max_right, is_right)
    limits = Limits(
        options.min_confidence,
        options.keep_implied,
        options.max_false_discovery_rate,
        options.sort_by,
        options.max_rules,
    )
    picked = pick_rules(splits, searched.itemsets, searched.baskets.names, limits)
    check_rules(picked, searched, options)
    recounts = _recount(rows, options, table, picked.rules, searched.baskets.names)
    changes = _compare(earlier, picked.rules)
    night = Night(
        options=options,
        baskets=baskets,
        left_out=() if table is None else table.left_out,
        bins=() if table is None else table.bins,
        searched=searched,
        picked=picked,
        recounts=recounts,
        earlier_date=earlier.date if earlier is not None and changes is not None else None,
        changes=changes,
    )
    write_document(describe_night(night), folder / DOCUMENT_FILE)
    write_rules(picked.rules, recounts, folder)
    write_itemsets(searched.itemsets, searched.baskets.names, baskets.n_baskets, folder)
    page = render_page(
        picked.rules,
        recounts,
        n_baskets=baskets.n_baskets,
        sort_by=options.sort_by,
        what="basket" if table is None else "row",
    )
    (folder / PAGE_FILE).write_text(page, encoding="utf-8")
    return _sum_up(night)


def _read_baskets(
    rows: MiningRows, options: Rules, seed: int, earlier: Earlier | None
) -> tuple[Baskets, TableItems | None]:
    asked = options.baskets
    if isinstance(asked, BasketColumn):
        return read_basket_column(rows, asked, TRAIN), None
    if isinstance(asked, BasketPairs):
        n_elsewhere = rows.n_by_part[VALIDATION] + rows.n_by_part[HOLDOUT]
        if n_elsewhere:
            raise MiningError(
                f"The split tears baskets apart: {n_elsewhere:,} rows are set aside, and with them "
                "single items of baskets whose other items are training rows.",
                expected="all rows of a basket in one part",
                hint="set 'split: {by: none}' in the workflow file, or read whole baskets from one "
                "column ('baskets: {column: ...}')",
            )
        return read_basket_pairs(rows, asked), None
    if not rows.n_rows:
        raise MiningError(
            "There is no training row.",
            expected="rows to find rules in",
            hint="correct 'split' in the workflow file, or let more rows in",
        )
    least = count_least(options.min_support, rows.n_rows)
    before = read_bins(_read_document(earlier).get("bins"), options.bins)
    table = choose_items(rows, options, min_count=least, seed=seed, earlier=before)
    return table.read(rows), table


def _read_document(earlier: Earlier | None) -> Mapping[str, Any]:
    """Read what the night before wrote; nothing where it cannot be read."""
    if earlier is None:
        return {}
    try:
        document = json.loads((earlier.folder / DOCUMENT_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        logger.warning("The earlier night's document cannot be read: %s", error)
        return {}
    return document if isinstance(document, dict) else {}


def _recount(
    rows: MiningRows,
    options: Rules,
    table: TableItems | None,
    rules: Sequence[Rule],
    names: Sequence[str],
) -> tuple[Recount, ...]:
    """Count the rules on the hold-out, where whole baskets are held out."""
    if not rows.n_by_part[HOLDOUT] or isinstance(options.baskets, BasketPairs):
        return ()
    if table is not None:
        return recount_rules(rules, table.read(rows, HOLDOUT), names)
    if isinstance(options.baskets, BasketColumn):
        return recount_rules(rules, read_basket_column(rows, options.baskets, HOLDOUT), names)
    return ()


def _compare(earlier: Earlier | None, rules: Sequence[Rule]) -> Changes | None:
    before = None if earlier is None else read_figures(earlier.folder / RULES_FILE)
    if before is None:
        return None
    now: Mapping[Sides, Figures] = {
        (join_items(rule.left), join_items(rule.right)): Figures(
            round_figure(rule.confidence), round_figure(rule.lift)
        )
        for rule in rules
    }
    return compare_rules(before, now)


def _sum_up(night: Night) -> Found:
    picked, baskets, searched = night.picked, night.baskets, night.searched
    first = picked.rules[0]
    left, right = (" ".join(join_items(side).split()) for side in (first.left, first.right))
    n_rules = len(picked.rules)
    metrics = {
        "n_baskets": float(baskets.n_baskets),
        "n_items": float(searched.baskets.n_items),
        "n_itemsets": float(len(searched.itemsets)),
        "n_rules_tested": float(picked.n_looked_at),
        "n_rules": float(n_rules),
        "best_lift": max(rule.lift for rule in picked.rules),
        "best_confidence": max(rule.confidence for rule in picked.rules),
    }
    compared = compare_confidence(night)
    if compared is not None:
        metrics["mean_confidence_of_recounted"], metrics["mean_confidence_on_holdout"], _ = compared
    if night.changes is not None:
        metrics["n_rules_new"] = float(night.changes.n_new)
        metrics["n_rules_gone"] = float(night.changes.n_gone)
    return Found(
        sentence=f"{n_rules:,} rule{'s' if n_rules != 1 else ''} in {baskets.n_baskets:,} baskets, "
        f"the first: {left[:_MAX_SAID]} => {right[:_MAX_SAID]} (lift {first.lift:.3g}, confidence "
        f"{first.confidence:.1%})",
        params={"min_count": searched.min_count},
        metrics=metrics,
    )
