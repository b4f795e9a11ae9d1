"""The list of rules as one page to search and sort, which stands alone and loads nothing.

Pure module of association rules: rules in, HTML out. MLflow shows it in a frame without an origin, so
it keeps nothing, fetches nothing and runs the one script whose hash its policy names.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tasks.mining.rules.pick import Rule
from tasks.mining.rules.recount import Recount
from tasks.mining.rules.writing import describe_rule

MAX_PAGE_RULES = 20_000  # 3 MB, which a browser reads and sorts at once
MAX_ITEM_CHARACTERS = 120

_FOLDER = Path(__file__).parent


def render_page(
    rules: Sequence[Rule], recounts: Sequence[Recount], *, n_baskets: int, sort_by: str, what: str
) -> str:
    """Write the page.

    Parameters
    ----------
    rules : sequence of Rule
        In their order; the first :data:`MAX_PAGE_RULES` are shown.
    recounts : sequence of Recount
        Of the first of them.
    n_baskets : int
        In which they were found.
    sort_by : str
        The measure of their order.
    what : {"basket", "row"}
        How a basket is called.

    Returns
    -------
    str
        Every text from the data is escaped, or stands in a block of data that no browser runs.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = environment.get_template("page_script.html").render()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    shown = rules[:MAX_PAGE_RULES]
    return environment.get_template("page.html").render(
        script=script,
        script_hash=f"sha256-{digest}",
        data=_to_block(_tabulate(shown, recounts)),
        n_baskets=n_baskets,
        n_rules=len(rules),
        n_shown=len(shown),
        sort_by=sort_by,
        what=what,
        has_holdout=bool(recounts),
    )


def _tabulate(rules: Sequence[Rule], recounts: Sequence[Recount]) -> dict[str, Any]:
    """Make what the script reads: each item's name once, then rules as lists."""
    codes: dict[str, int] = {}
    rows = []
    for i, rule in enumerate(rules):
        found = describe_rule(rule, recounts[i] if i < len(recounts) else None)
        sides = [
            [codes.setdefault(_cut(item), len(codes)) for item in side]
            for side in (rule.left, rule.right)
        ]
        names = ("n", "support", "confidence", "lift", "leverage", "conviction", "q_value")
        holdout = (found["holdout"] or {}).get("confidence")
        rows.append([*sides, *(found[name] for name in names), holdout])
    return {"items": list(codes), "rules": rows}


def _cut(item: str) -> str:
    text = " ".join(item.split())
    return text if len(text) <= MAX_ITEM_CHARACTERS else text[: MAX_ITEM_CHARACTERS - 1] + "…"


def _to_block(data: Any) -> str:
    """Write JSON that cannot end the element it stands in."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
