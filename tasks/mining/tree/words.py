"""A tree's questions and leaves in words: in the user's units, conditions on one column made one.

Pure module of the mining stage.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tasks.preparation.originals import OTHER_NAME, Original

MAX_NAME_CHARACTERS = 60  # of a column or category: a rule stays a line
MAX_CATEGORIES = 6  # that a condition lists
NO_CONDITION = "always"

Bounds = tuple[float, float]
"""Clean values of one input: above the first, up to and with the second."""


@dataclass(frozen=True)
class Question:
    """What a node asks.

    Parameters
    ----------
    column : str
        As the user knows it.
    condition : str
        What holds where the answer is yes, without the column: ``<= 2.45``, ``is Rome``.
    otherwise : str
        What holds where it is no: ``> 2.45``, ``is not Rome``.
    is_yes_left : bool
        Whether yes is the side of ``input <= threshold``.
    """

    column: str
    condition: str
    otherwise: str
    is_yes_left: bool

    @property
    def text(self) -> str:
        """The condition with its column."""
        return f"{self.column} {self.condition}"


def ask(original: Original, threshold: float) -> Question:
    """Word the question ``input <= threshold``.

    Examples
    --------
    >>> ask(Original("x", "x"), 2.45).text
    'x <= 2.45'
    >>> question = ask(Original("town_Rome", "town", category="Rome"), 0.5)
    >>> question.text, question.is_yes_left
    ('town is Rome', False)
    """
    column = tidy(original.column)
    below = _say_condition(original, (-math.inf, threshold))
    above = _say_condition(original, (threshold, math.inf))
    if original.category is not None:
        return Question(column, above, below, is_yes_left=False)
    return Question(column, below, above, is_yes_left=True)


def say_rule(bounds: Mapping[str, Bounds], originals: Mapping[str, Original]) -> str:
    """Word what holds for all rows of a leaf.

    Parameters
    ----------
    bounds : mapping of str to (float, float)
        By input, in the order in which they were asked about.
    originals : mapping of str to Original
        By input.

    Returns
    -------
    str

    Examples
    --------
    >>> x, rome, oslo = (
    ...     Original("x", "x"),
    ...     Original("town_Rome", "town", category="Rome"),
    ...     Original("town_Oslo", "town", category="Oslo"),
    ... )
    >>> names = {o.clean: o for o in (x, rome, oslo)}
    >>> say_rule({"x": (3.0, 7.0), "town_Rome": (-math.inf, 0.5), "town_Oslo": (0.5, math.inf)}, names)
    '3 < x <= 7 and town is Oslo'
    >>> say_rule({}, {})
    'always'
    """
    parts: dict[str, str] = {}
    is_not: dict[str, list[str]] = {}
    for name, (low, high) in bounds.items():
        original = originals[name]
        column = tidy(original.column)
        if original.category is None:
            parts[f"input {name}"] = _say_bounds(original, (low, high))
            continue
        place = f"column {original.column}"
        if math.isfinite(low):  # a row is of one category, so all others are said with it
            is_not.pop(place, None)
            parts[place] = f"{column} is {tidy(original.category)}"
        elif place not in parts or place in is_not:
            is_not.setdefault(place, []).append(tidy(original.category))
            parts[place] = f"{column} is {_say_none_of(is_not[place])}"
    return " and ".join(parts.values()) or NO_CONDITION


def say_number(value: float) -> str:
    """Write a number with six significant digits: years and masses are not rounded to others.

    Examples
    --------
    >>> say_number(2.449999988), say_number(2013.5), say_number(-0.0)
    ('2.45', '2013.5', '0')
    """
    return f"{value + 0.0:.6g}"


def say_share(share: float) -> str:
    """Write a share in per cent with one decimal; only all is 100 %.

    Examples
    --------
    >>> say_share(1.0), say_share(0.99999), say_share(0.5)
    ('100 %', '> 99.9 %', '50.0 %')
    """
    if share >= 1:
        return "100 %"
    text = f"{share * 100:.1f}"
    return "> 99.9 %" if text == "100.0" else f"{text} %"


def tidy(name: object) -> str:
    """Bring a name from the data to one line of at most 60 characters."""
    text = " ".join(str(name).split())
    return text if len(text) <= MAX_NAME_CHARACTERS else text[: MAX_NAME_CHARACTERS - 1] + "…"


def _say_bounds(original: Original, bounds: Bounds) -> str:
    low, high = bounds
    column = tidy(original.column)
    if not original.is_number or not (math.isfinite(low) and math.isfinite(high)):
        return f"{column} {_say_condition(original, bounds)}"
    return f"{_restore(original, low)} < {column} <= {_restore(original, high)}"


def _say_condition(original: Original, bounds: Bounds) -> str:
    low, high = bounds
    if original.category is not None:
        return f"{'is' if math.isfinite(low) else 'is not'} {tidy(original.category)}"
    if original.categories:
        restored = [float(original.restore([bound])[0]) for bound in bounds]
        named = [
            n for code, n in enumerate(original.categories) if restored[0] < code <= restored[1]
        ]
        return f"is {_say_categories(named, has_other=restored[0] < -1 <= restored[1])}"
    if math.isfinite(low):
        return f"> {_restore(original, low)}"
    return f"<= {_restore(original, high)}"


def _say_categories(names: Sequence[str], *, has_other: bool) -> str:
    """List categories that follow each other in their order; many by the first and the last."""
    other = [OTHER_NAME] if has_other else []
    if len(names) <= MAX_CATEGORIES:
        return " or ".join([*map(tidy, names), *other]) or "none of its categories"
    span = f"one of {len(names):,} from {tidy(names[0])} to {tidy(names[-1])}"
    return " or ".join([span, *other])


def _say_none_of(names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"not {names[0]}"
    shown = list(names[:MAX_CATEGORIES])
    more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    return f"none of {', '.join(shown)}{more}"


def _restore(original: Original, value: float) -> str:
    return say_number(float(original.restore([value])[0]))
