from __future__ import annotations

import csv
import json
import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest

from tasks.mining.rules import page as page_module
from tasks.mining.rules.changes import Figures, read_figures
from tasks.mining.rules.itemsets import group_itemsets
from tasks.mining.rules.page import render_page
from tasks.mining.rules.pick import Rule
from tasks.mining.rules.recount import Recount
from tasks.mining.rules.writing import describe_rule, join_items, write_itemsets, write_rules

HOSTILE = "</script><script>alert(1)</script>\u2028 & <!-- {{ 7 * 7 }}"


def make_rule(left: tuple[str, ...] = ("a",), right: tuple[str, ...] = ("b",), n: int = 3) -> Rule:
    return Rule(left, right, (0,), (1,), n, 4, 6, 12, 1e-5, 2e-4)


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_rule_is_one_line_of_figures(tmp_path: Path) -> None:
    """Three of four with a have b, which half of all have: a lift of 1.5."""
    write_rules([make_rule()], [Recount(1, 3, 2, 5)], tmp_path)
    (row,) = read_csv(tmp_path / "rules.csv")
    assert row == {
        "left": "a", "right": "b", "n": "3", "n_left": "4", "n_right": "6", "support": "0.25",
        "confidence": "0.75", "lift": "1.5", "leverage": "0.0833333", "conviction": "2.0",
        "p_value": "1e-05", "q_value": "0.0002", "holdout_n": "1", "holdout_n_left": "3",
        "holdout_support": "0.2", "holdout_confidence": "0.333333", "holdout_lift": "0.833333",
    }  # fmt: skip


def test_what_is_without_limit_or_was_not_counted_is_empty(tmp_path: Path) -> None:
    """A rule that always holds has no conviction; the second was not recounted."""
    write_rules([make_rule(n=4), make_rule()], [Recount(0, 0, 2, 5)], tmp_path)
    first, second = read_csv(tmp_path / "rules.csv")
    assert (first["conviction"], first["holdout_n"], first["holdout_confidence"]) == ("", "0", "")
    assert second["holdout_n"] == ""


def test_texts_survive_the_list(tmp_path: Path) -> None:
    """Quotes, commas and line ends, by RFC 4180."""
    items = ('say "hi"', "a,b", "two\r\nlines", "日本")
    write_rules([make_rule(items)], [], tmp_path)
    assert (tmp_path / "rules.csv").read_bytes().count(b"\r\n") == 3
    assert read_csv(tmp_path / "rules.csv")[0]["left"] == " & ".join(items)


@pytest.mark.parametrize("item", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_text_is_a_formula(tmp_path: Path, item: str) -> None:
    """A spreadsheet shows it; an apostrophe says that it is text."""
    assert join_items([item, "b"]) == f"'{item} & b"
    assert join_items(["b", item]) == f"b & {item}"
    write_rules([make_rule((item,))], [], tmp_path)
    assert read_csv(tmp_path / "rules.csv")[0]["left"] == f"'{item}"


def test_the_next_night_reads_what_this_one_wrote(tmp_path: Path) -> None:
    """In its order."""
    write_rules([make_rule(("z",)), make_rule(("=a",))], [], tmp_path)
    assert read_figures(tmp_path / "rules.csv") == {
        ("z", "b"): Figures(0.75, 1.5), ("'=a", "b"): Figures(0.75, 1.5),
    }  # fmt: skip


def test_itemsets_are_listed_by_their_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ties: shorter ones first; the list is cut."""
    found = group_itemsets([[0], [1], [0, 1]], [5, 7, 5], 2)
    assert write_itemsets(found, ["x", "a"], 10, tmp_path) == 3
    assert [(r["items"], r["n"], r["support"]) for r in read_csv(tmp_path / "itemsets.csv")] == [
        ("a", "7", "0.7"), ("x", "5", "0.5"), ("a & x", "5", "0.5"),
    ]  # fmt: skip
    monkeypatch.setattr("tasks.mining.rules.writing.MAX_ITEMSET_ROWS", 1)
    assert write_itemsets(found, ["x", "a"], 10, tmp_path) == 1


def test_figures_are_json(tmp_path: Path) -> None:
    """No infinity and no NaN."""
    found = describe_rule(make_rule(n=4), Recount(0, 0, 0, 5))
    assert found["conviction"] is None
    assert found["holdout"] == {
        "n": 0,
        "n_left": 0,
        "support": 0.0,
        "confidence": None,
        "lift": None,
    }
    json.dumps(found, allow_nan=False)


def render(rules: list[Rule], recounts: tuple[Recount, ...] = ()) -> str:
    return render_page(rules, recounts, n_baskets=12, sort_by="lift", what="basket")


def test_the_page_runs_one_script_and_loads_nothing() -> None:
    """Its policy names the hash of that script, and no address is in it."""
    page = render([make_rule()])
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert len(scripts) == 1
    digest = b64encode(sha256(scripts[0].encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'" in page
    assert not re.search(r"https?:|src=|href=|url\(|@import", page)


def test_data_cannot_leave_their_block() -> None:
    """Whatever an item is called, there are two script elements, and the data are what they were."""
    page = render([make_rule((HOSTILE,), ("=b",))])
    assert page.count("<script") == page.count("</script") == 2
    (block,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page)
    data = json.loads(block)
    assert data["items"] == [" ".join(HOSTILE.split()), "=b"]
    assert data["rules"] == [[[0], [1], 3, 0.25, 0.75, 1.5, 0.0833333, 2.0, 0.0002, None]]
    assert "<!-- " not in block


def test_the_page_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the limit it says so, and long names are cut."""
    monkeypatch.setattr(page_module, "MAX_PAGE_RULES", 1)
    page = render([make_rule(("x" * 10_000,)), make_rule()])
    assert len(page) < 20_000
    assert "2 association rules in 12 baskets" in page
    assert "The first 1 by lift are here, all are in rules.csv." in page


def test_the_hold_out_has_a_column_only_where_there_is_one() -> None:
    """Its head sorts like the others."""
    assert 'data-key="holdout"' in render([make_rule()], (Recount(1, 2, 3, 4),))
    assert 'data-key="holdout"' not in render([make_rule()])
