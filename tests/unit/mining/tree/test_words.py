from __future__ import annotations

import math

import pytest

from tasks.mining.tree.words import MAX_CATEGORIES, ask, say_number, say_rule, tidy
from tasks.preparation.originals import Original, Originals
from tasks.preparation.transformers.scale import Scale

INF = math.inf
SIZES = ("S", "M", "L", "XL")
NAMES = {
    "x": Original("x", "x"),
    "size": Original("size", "size", categories=SIZES),
    **{
        f"town_{t}": Original(f"town_{t}", "town", category=t)
        for t in ("Rome", "Oslo", "Lima", "other")
    },
}


@pytest.mark.parametrize(
    ("bounds", "rule"),
    [
        ({}, "always"),
        ({"x": (-INF, 7.0)}, "x <= 7"),
        ({"x": (3.0, INF)}, "x > 3"),
        ({"x": (3.0, 7.0)}, "3 < x <= 7"),
        ({"town_Rome": (-INF, 0.5)}, "town is not Rome"),
        ({"town_Rome": (-INF, 0.5), "town_Oslo": (-INF, 0.5)}, "town is none of Rome, Oslo"),
        ({"town_Rome": (-INF, 0.5), "town_Oslo": (0.5, INF)}, "town is Oslo"),
        ({"town_Rome": (0.5, INF), "town_Oslo": (-INF, 0.5)}, "town is Rome"),
        ({"town_other": (0.5, INF)}, "town is other"),
        ({"size": (-INF, 0.5)}, "size is S or other"),
        ({"size": (0.5, INF)}, "size is M or L or XL"),
        ({"size": (0.5, 2.5)}, "size is M or L"),
        ({"size": (-0.5, 0.5)}, "size is S"),
        ({"size": (-INF, -0.5)}, "size is other"),
        (
            {"town_Rome": (-INF, 0.5), "x": (1.0, 2.0), "town_Oslo": (-INF, 0.5)},
            "town is none of Rome, Oslo and 1 < x <= 2",
        ),
    ],
)
def test_conditions_on_one_column_become_one(bounds: dict, rule: str) -> None:
    """In the order in which the columns were asked about."""
    assert say_rule(bounds, NAMES) == rule


def test_numbers_are_told_in_their_own_unit() -> None:
    """A flipper of 206.5 mm, whatever it was scaled to."""
    import numpy as np

    scale = Scale(["mm"]).fit({"mm": np.array([190.0, 200.0, 210.0])})
    original = Originals([scale]).find("mm")
    clean = np.float32(scale.transform({"mm": np.array([206.5])}).frame["mm"])[0]
    assert ask(original, float(clean)).text == "mm <= 206.5"
    assert say_rule({"mm": (0.0, float(clean))}, {"mm": original}) == "200 < mm <= 206.5"


@pytest.mark.parametrize(
    ("value", "text"),
    [(2013.5, "2013.5"), (4207.5, "4207.5"), (1e-9, "1e-09"), (-0.0, "0"), (1e20, "1e+20")],
)
def test_numbers_keep_six_digits(value: float, text: str) -> None:
    """2013.5 told as 2014 would put the rows of 2014 on the wrong side."""
    assert say_number(value) == text


def test_yes_is_what_a_category_is() -> None:
    """Of a one-hot column the upper side is yes, of all others the lower one."""
    question = ask(NAMES["town_Rome"], 0.5)
    assert (question.condition, question.otherwise) == ("is Rome", "is not Rome")
    assert not question.is_yes_left
    question = ask(NAMES["size"], 1.5)
    assert (question.condition, question.otherwise) == ("is S or M or other", "is L or XL")
    assert question.is_yes_left


def test_many_categories_are_told_by_their_ends() -> None:
    """Three thousand tail numbers are no sentence."""
    tails = tuple(f"N{i:04}" for i in range(3000))
    question = ask(Original("tail", "tail", categories=tails), 999.5)
    assert question.condition == "is one of 1,000 from N0000 to N0999 or other"
    assert question.otherwise == "is one of 2,000 from N1000 to N2999"


def test_many_excluded_categories_are_counted() -> None:
    """The first six are named."""
    names = {f"t_{i}": Original(f"t_{i}", "t", category=str(i)) for i in range(MAX_CATEGORIES + 3)}
    rule = say_rule(dict.fromkeys(names, (-INF, 0.5)), names)
    assert rule == "t is none of 0, 1, 2, 3, 4, 5 and 3 more"


def test_names_from_the_data_stay_on_one_line() -> None:
    """Line ends would break the text of the tree, and a long name the page."""
    assert tidy("a\n b\tc") == "a b c"
    assert len(tidy("x" * 500)) == 60
    hostile = Original("x", "<b>\nx", category="Zürich\n")
    assert ask(hostile, 0.5).text == "<b> x is Zürich"
