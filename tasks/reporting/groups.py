"""The report's table of groups: every class and slice of the hold-out, what the challenger loses first.

Pure module of the reporting stage: scores go in, rows of words come out.
"""

from __future__ import annotations

import math
from typing import Any

from tasks.reporting import documents
from tasks.reporting.documents import Document
from tasks.reporting.style import get_float, say_metric, say_percent, say_score

MAX_GROUPS = 60  # of the table; the scores' document has all


def tell_groups(scores: Document | None) -> dict[str, Any] | None:
    """Tell how challenger and champion score in each class and slice.

    Parameters
    ----------
    scores : mapping or None
        The document ``scores.json``.

    Returns
    -------
    dict or None
        ``rows``, what is lost most first and without a champion the lowest scores first, at most
        :data:`MAX_GROUPS` of them; ``n_groups``; ``challenger`` and ``other``, who is compared. None
        without groups.
    """
    groups = (scores or {}).get("groups") or ()
    if scores is None or not groups:
        return None
    challenger = scores["challenger"]
    champion = next((n for n, m in scores["models"].items() if m["role"] == "champion"), None)
    has_champion = champion is not None and not scores["models"][champion].get("problem")
    other = champion if has_champion else documents.find_best_baseline(scores)
    ordered = sorted(groups, key=lambda group: _order(group, challenger))
    return {
        "rows": [_tell(group, challenger, other) for group in ordered[:MAX_GROUPS]],
        "n_groups": len(groups),
        "challenger": documents.label_model(scores, challenger),
        "other": documents.label_model(scores, other) if other is not None else None,
        "has_loss": has_champion,
    }


def _order(group: Document, challenger: str) -> tuple[float, float]:
    loss = get_float(group["loss"])
    score = get_float(group["scores"].get(challenger))
    worth = -score if group["is_error"] else score
    return (
        -loss if math.isfinite(loss) else math.inf,
        worth if math.isfinite(worth) else math.inf,
    )


def _tell(group: Document, challenger: str, other: str | None) -> dict[str, Any]:
    metric, loss = group["metric"], get_float(group["loss"])
    return {
        "name": f"class {group['value']}"
        if group["by"] == "class"
        else f"{group['column']}: {group['value']}",
        "n_rows": int(group["n_rows"]),
        "metric": say_metric(metric),
        "challenger": _say(metric, group["scores"].get(challenger)),
        "other": _say(metric, group["scores"].get(other)) if other is not None else "",
        "change": _say_change(loss, metric, is_error=bool(group["is_error"])),
        "is_worse": math.isfinite(loss) and loss > 0,
    }


def _say(metric: str, value: float | None) -> str:
    return "" if value is None else say_score(metric, get_float(value))


def _say_change(loss: float, metric: str, *, is_error: bool) -> str:
    if not math.isfinite(loss):
        return ""
    if loss == 0:
        return "the same"
    word = "worse" if loss > 0 else "better"
    if is_error:
        return f"{say_percent(abs(loss))} {word}"
    if metric in {"accuracy", "recall"}:
        return f"{abs(loss) * 100:.1f} points {word}"
    return f"{abs(loss):.3f} {word}"
