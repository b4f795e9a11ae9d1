from __future__ import annotations

import csv
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.errors import MiningError
from tasks.mining.found import Earlier, Found
from tasks.mining.rows import MiningRows
from tasks.mining.rules.step import mine_rules
from tasks.preparation import Preparation
from tasks.workflow import Rules

# Bread and butter go together in 30 of 100 baskets; tea stands by itself in every other one.
TEXTS = (["bread,butter"] * 30 + ["bread"] * 3 + ["butter"] * 3 + ["jam"] * 34 + [""] * 30) * 2
TEXTS = [f"{text},tea" if i % 2 else text for i, text in enumerate(TEXTS)]
SPLIT = ["holdout" if i % 5 == 0 else "train" for i in range(200)]
FILES = {"rules.json", "rules.csv", "itemsets.csv", "rules.html"}


def mine(
    rows: MiningRows, folder: Path, earlier: Earlier | None = None, **options: Any
) -> tuple[Found, dict[str, Any]]:
    folder.mkdir()
    found = mine_rules(rows, Rules(**options), folder, seed=1, earlier=earlier)
    return found, json.loads((folder / "rules.json").read_text(encoding="utf-8"))


@pytest.fixture
def shop(open_rows: Callable[..., Any]) -> MiningRows:
    """Two hundred baskets, one in five of them held out."""
    return open_rows({"items": TEXTS, "split": SPLIT})  # type: ignore[no-any-return]


def test_what_goes_together_is_found_told_and_written(shop: MiningRows, tmp_path: Path) -> None:
    """Bread => butter and back; tea, which goes with everything alike, is in no rule."""
    found, document = mine(shop, tmp_path / "a", baskets={"column": "items"}, max_length=2)
    assert [(r["left"], r["right"]) for r in document["top"]] == [
        (["bread"], ["butter"]), (["butter"], ["bread"]),
    ]  # fmt: skip
    assert {path.name for path in (tmp_path / "a").iterdir()} == FILES
    assert document["baskets"] == {
        "n": 160, "n_empty": sum(not t for t, s in zip(TEXTS, SPLIT, strict=True) if s == "train"), "n_rows_skipped": 0, "n_items": 4, "n_frequent_items": 4,
        "mean_items": document["baskets"]["mean_items"], "min_count": 2,
    }  # fmt: skip
    assert document["rules"]["n_kept"] == found.metrics["n_rules"] == 2
    assert found.sentence.startswith("2 rules in 160 baskets, the first: bread => butter (lift")
    assert document["since"] is None


def test_rules_are_counted_again_on_the_hold_out(shop: MiningRows, tmp_path: Path) -> None:
    """As often as the texts of those forty baskets say."""
    _, document = mine(shop, tmp_path / "a", baskets={"column": "items"}, max_length=2)
    held_out = [set(text.split(",")) for text in TEXTS[::5]]
    n_bread = sum("bread" in basket for basket in held_out)
    n_both = sum({"bread", "butter"} <= basket for basket in held_out)
    (rule,) = [r for r in document["top"] if (r["left"], r["right"]) == (["bread"], ["butter"])]
    assert (rule["holdout"]["n"], rule["holdout"]["n_left"]) == (n_both, n_bread)
    assert rule["holdout"]["confidence"] == pytest.approx(n_both / n_bread, rel=1e-5)
    assert 0 < n_both < n_bread
    assert document["holdout"]["n_baskets"] == 40


def test_a_retry_writes_the_same_bytes(shop: MiningRows, tmp_path: Path) -> None:
    """All four files."""
    for name in ("a", "b"):
        mine(shop, tmp_path / name, baskets={"column": "items"}, min_support=0.005)
    for name in FILES:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_the_night_before_is_compared(
    open_rows: Callable[..., Any], shop: MiningRows, tmp_path: Path
) -> None:
    """Jam and tea were no pair then; butter was with bread more often."""
    mine(shop, tmp_path / "a", baskets={"column": "items"}, max_length=2)
    texts = [f"{text},tea" if text == "jam" else text for text in TEXTS]
    other = open_rows({"items": texts})
    earlier = Earlier("2026-01-06", tmp_path / "a")
    found, document = mine(
        other, tmp_path / "b", earlier, baskets={"column": "items"}, max_length=2
    )
    since = document["since"]
    assert (since["date"], since["n_gone"], since["n_stayed"]) == ("2026-01-06", 0, 2)
    assert since["n_new"] == found.metrics["n_rules_new"] > 0
    assert {(r["left"], r["right"]) for r in since["new"]} >= {("jam", "tea")}


def test_an_unreadable_night_before_is_no_night_before(
    shop: MiningRows, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is warned of."""
    with caplog.at_level(logging.WARNING):
        earlier = Earlier("2026-01-06", tmp_path / "nowhere")
        _, document = mine(shop, tmp_path / "a", earlier, baskets={"column": "items"})
    assert document["since"] is None
    assert "cannot be read" in caplog.text


def test_a_table_tells_the_rules_of_its_target(
    open_rows: Callable[..., Any], tmp_path: Path
) -> None:
    """Short ones are ants: petals decide, and only rules to the label are asked for."""
    rng = np.random.default_rng(2)
    length = np.r_[rng.uniform(1, 2, 60), rng.uniform(4, 5, 60)]
    columns = {
        "length": length,
        "noise": rng.normal(size=120),
        "label": ["ant"] * 60 + ["bee"] * 60,
    }
    split = ["holdout" if i % 6 == 0 else "train" for i in range(120)]
    preparation = Preparation("label", ("ant", "bee"), None, None, ("length", "noise"))
    rows = open_rows({**columns, "split": split}, preparation)
    _, document = mine(rows, tmp_path / "a", right=["label"], bins=2)
    assert document["kind"] == "table"
    assert [(r["right"], r["confidence"]) for r in document["top"]] == [
        (["label = bee"], 1.0), (["label = ant"], 1.0),
    ]  # fmt: skip
    assert all(r["left"][0].startswith("length: ") for r in document["top"])
    assert [r["holdout"]["confidence"] for r in document["top"]] == [1.0, 1.0]


def test_pairs_are_mined_where_no_basket_is_torn(
    open_rows: Callable[..., Any], tmp_path: Path
) -> None:
    """Rows are split one by one: with parts set aside there would be half baskets."""
    pairs = [(i, item) for i, text in enumerate(TEXTS) for item in text.split(",") if item]
    columns = {"order": [i for i, _ in pairs], "what": [item for _, item in pairs]}
    asked = {"baskets": {"basket": "order", "item": "what"}, "max_length": 2}
    _, document = mine(open_rows(columns), tmp_path / "a", **asked)
    assert document["rules"]["n_kept"] == 2
    assert document["holdout"] is None
    torn = open_rows({**columns, "split": ["holdout"] + ["train"] * (len(pairs) - 1)})
    with pytest.raises(MiningError, match="tears baskets apart: 1 rows") as caught:
        mine(torn, tmp_path / "b", **asked)
    assert "split: {by: none}" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        ({"min_confidence": 0.99}, r"the best has 0.9", "min_confidence"),
        ({"min_support": 0.32}, r"items are frequent, but no two of them together", "min_support"),
        (
            {"right": ["tea"], "min_confidence": 0.3},
            "more than a simpler one|Chance explains",
            "hint",
        ),
        ({"right": ["te"]}, r"No basket holds the item 'te'", "right"),
        ({"right": ["tea"], "min_support": 0.9}, "No item is frequent", "min_support"),
        ({"right": ["jam"], "min_support": 0.4}, r"None of 'jam' is frequent", "min_support"),
    ],
)
def test_no_rule_left_says_where_they_went(
    shop: MiningRows, tmp_path: Path, options: dict[str, Any], message: str, hint: str
) -> None:
    """And which key to change."""
    with pytest.raises(MiningError, match=message) as caught:
        mine(shop, tmp_path / "a", baskets={"column": "items"}, **options)
    assert caught.value.expected
    assert hint in (caught.value.hint or "") or hint == "hint"


def test_chance_is_named_with_the_lowest_q_value(
    open_rows: Callable[..., Any], tmp_path: Path
) -> None:
    """Two items that stand together three times in ten baskets."""
    rows = open_rows({"items": ["a,b", "a,b", "a,b", "a", "b", "a", "c", "c", "c", "c"]})
    with pytest.raises(
        MiningError, match=r"Chance explains every rule: .* lowest q-value is 0\.\d+"
    ):
        mine(rows, tmp_path / "a", baskets={"column": "items"})
    _, document = mine(
        rows, tmp_path / "b", baskets={"column": "items"}, max_false_discovery_rate=None
    )
    assert document["rules"]["n_kept"] == 2


def test_implied_rules_are_named(open_rows: Callable[..., Any], tmp_path: Path) -> None:
    """Everybody has milk: no left side makes it more likely."""
    rows = open_rows({"items": ["a,m", "b,m", "m", "m"]})
    with pytest.raises(MiningError, match="No rule says more than a simpler one") as caught:
        mine(rows, tmp_path / "a", baskets={"column": "items"}, right=["m"])
    assert "keep_implied: true" in (caught.value.hint or "")


@pytest.mark.parametrize("texts", [["", None], ["a", "a"], ["a,b"]])
def test_hostile_baskets_raise_nothing_else(
    open_rows: Callable[..., Any], tmp_path: Path, texts: list[str | None]
) -> None:
    """Empty, of one item, one basket alone."""
    with pytest.raises(MiningError):
        mine(open_rows({"items": texts}), tmp_path / "a", baskets={"column": "items"})


def test_hostile_names_reach_the_files_as_they_are(
    open_rows: Callable[..., Any], tmp_path: Path
) -> None:
    """Markup, formulas, quotes, letters of all scripts, and ten thousand characters."""
    names = ["<script>", '=HYPERLINK("x")', "日本語", "x" * 10_000]
    rows = open_rows({"items": ["|".join(names)] * 20 + ["|".join(names[:1])] * 3 + ["z"] * 40})
    mine(
        rows,
        tmp_path / "a",
        baskets={"column": "items", "separator": "|"},
        max_right=2,
        max_length=4,
    )
    with (tmp_path / "a" / "rules.csv").open(encoding="utf-8", newline="") as file:
        sides = {row["left"] for row in csv.DictReader(file)}
    assert '\'=HYPERLINK("x")' in sides
    assert "<script>" not in (tmp_path / "a" / "rules.html").read_text().split("<tbody")[0][:200]


def open_groceries(real_data: Path, open_rows: Callable[..., Any]) -> MiningRows:
    lines = (real_data / "groceries.csv").read_text(encoding="utf-8").splitlines()
    return open_rows({"items": lines})  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("support", "confidence", "max_length", "n_confident", "top_lift"),
    [
        (0.006, 0.25, 5, 463, 3.9565),
        (0.001, 0.5, 10, 5668, 18.9957),
        (0.001, 0.8, 10, 410, 11.2353),
    ],
)
def test_groceries_have_their_published_rules(
    real_data: Path, open_rows: Callable[..., Any], tmp_path: Path, support: float,
    confidence: float, max_length: int, n_confident: int, top_lift: float,
) -> None:  # fmt: skip
    """As arules finds them: 463, 5,668 and 410 rules, before pruning and chance."""
    _, document = mine(
        open_groceries(real_data, open_rows),
        tmp_path / "a",
        baskets={"column": "items"},
        min_support=support,
        min_confidence=confidence,
        max_length=max_length,
        keep_implied=True,
        max_false_discovery_rate=None,
    )
    assert document["rules"]["n_confident"] == document["rules"]["n_kept"] == n_confident
    assert document["top"][0]["lift"] == pytest.approx(top_lift, abs=5e-5)
    assert document["baskets"]["n"] == 9835


def test_a_table_is_cut_as_the_night_before_cut_it(
    open_rows: Callable[..., Any], tmp_path: Path
) -> None:
    """So that rules of two nights are about the same items, though tonight's quartiles are others."""
    rng = np.random.default_rng(3)
    x = rng.normal(50, 10, 400)
    y = x + rng.normal(0, 2, 400)
    preparation = Preparation(None, (), None, None, ("x", "y"))
    rows = [open_rows({"x": x[:n], "y": y[:n]}, preparation) for n in (300, 400)]
    _, before = mine(rows[0], tmp_path / "a")
    _, anew = mine(rows[1], tmp_path / "b")
    _, after = mine(rows[1], tmp_path / "c", Earlier("2026-01-06", tmp_path / "a"))
    assert [c["column"] for c in before["bins"]["columns"]] == ["x", "y"]
    assert after["bins"] == before["bins"] != anew["bins"]
    assert after["since"]["n_stayed"] > 0 == after["since"]["n_gone"]
