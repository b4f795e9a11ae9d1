"""What has changed since the tree of an earlier night.

Module of the mining stage; an earlier night's files may be of another version, and are then left alone.
"""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from tasks.mining.found import Earlier

logger = logging.getLogger(__name__)

N_TOP = 5  # importances that are compared
MAX_RULES = 10_000  # lines of an earlier night that are read: ours has fewer
MAX_DOCUMENT_BYTES = 64 * 2**20  # of an earlier night's tree.json


def compare(
    document: Mapping[str, Any], rules: Sequence[str], earlier: Earlier
) -> dict[str, Any] | None:
    """Compare tonight's tree with an earlier one.

    Parameters
    ----------
    document : mapping
        Tonight's ``tree.json``.
    rules : sequence of str
        Tonight's leaves.
    earlier : Earlier

    Returns
    -------
    dict or None
        ``date``, ``root`` (what it asked first, None where nothing), ``has_same_root``, ``n_leaves``,
        ``score`` (accuracy or R^2 on its hold-out), ``came`` and ``went`` (columns among the five most
        important), ``n_rules`` and ``n_rules_kept`` (its leaves, and those that are still there word for
        word). None when it cannot be read, or decided something else.
    """
    try:
        then, old_rules = _read(earlier.folder)
        if (then["target"], then["kind"]) != (document["target"], document["kind"]):
            logger.info("The tree of %s decided %r.", earlier.date, then["target"])
            return None
        top, old_top = list_top(document), list_top(then)
        root, score = get_root(then), get_score(then)
        kept = set(old_rules) & set(rules)
        return {
            "date": earlier.date,
            "root": root,
            "has_same_root": root == get_root(document),
            "n_leaves": int(then["n_leaves"]),
            "score": None if score is None else float(score),
            "came": [name for name in top if name not in old_top],
            "went": [name for name in old_top if name not in top],
            "n_rules": len(old_rules),
            "n_rules_kept": len(kept),
        }
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
        csv.Error,
    ) as error:
        logger.warning("Tonight's tree is not compared with that of %s: %r", earlier.date, error)
        return None


def list_top(document: Mapping[str, Any]) -> list[str]:
    """List the columns that matter most, as far as they matter."""
    columns = document["importances"]["columns"]
    return [str(c["name"]) for c in columns if c["impurity"] > 0][:N_TOP]


def get_root(document: Mapping[str, Any]) -> str | None:
    """Give the first question; None of a tree that asks none."""
    root = document["tree"]
    return f"{root['column']} {root['condition']}" if "column" in root else None


def get_score(document: Mapping[str, Any]) -> Any:
    """Give the hold-out's accuracy or R^2; None without a hold-out."""
    holdout = document["holdout"] or {}
    return holdout.get("accuracy" if document["kind"] == "class" else "r2")


def _read(folder: Path) -> tuple[Mapping[str, Any], list[str]]:
    path = folder / "tree.json"
    if path.stat().st_size > MAX_DOCUMENT_BYTES:
        raise ValueError(f"{path.name} has {path.stat().st_size} bytes")
    document = json.loads(path.read_text(encoding="utf-8"))
    with (folder / "leaves.csv").open(encoding="utf-8", newline="") as file:
        rules = [row["rule"] for row in islice(csv.DictReader(file), MAX_RULES)]
    return document, rules
