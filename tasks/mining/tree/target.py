"""What the tree decides: the workflow's classes or number, or a feature of numbers in its own unit.

Pure module of the mining stage.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.errors import MiningError, nearest
from tasks.preparation import Preparation
from tasks.preparation.originals import Original, Originals

# More classes need more leaves than anyone reads, and a thousand resampled confusion matrices of
# 100 x 100 are 80 MB.
MAX_CLASSES = 100

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Target:
    """What the tree decides.

    Parameters
    ----------
    name : str
        Column of the clean rows that is read for it.
    classes : tuple of int or str
        Of a class: those of the training rows, by their codes. Empty for a number.
    original : Original or None
        Of a number: how it is brought back to its own unit.
    made_of_it : tuple of str
        Clean columns that would give the answer away.
    """

    name: str
    classes: tuple[Any, ...] = ()
    original: Original | None = None
    made_of_it: tuple[str, ...] = ()

    @property
    def is_class(self) -> bool:
        """Whether classes are told apart; else a number is estimated."""
        return self.original is None


def choose_target(asked: str | None, preparation: Preparation, originals: Originals) -> Target:
    """Find what the tree is to decide.

    Parameters
    ----------
    asked : str or None
        ``mining.tree.target``: the workflow's target, or a feature that holds numbers. None for the
        workflow's target.
    preparation : Preparation
    originals : Originals

    Returns
    -------
    Target

    Raises
    ------
    MiningError
        When there is no such column, it holds categories, there is no target at all, or it has more
        classes than a tree that is read can tell apart.
    """
    if asked is None or asked == preparation.target:
        return _choose_workflow_target(preparation, originals)
    features = preparation.clean_columns if preparation.image_shape is None else []
    numbers = [name for name in features if originals.find(name).is_number]
    possible = [preparation.target] if preparation.target is not None else []
    if asked in numbers:
        given_away = tuple(name for name in features if _is_made_of(name, asked, preparation))
        return Target(asked, original=originals.find(asked), made_of_it=given_away)
    is_category = asked in features or asked in {originals.find(c).column for c in features}
    raise MiningError(
        f"The tree cannot decide {asked!r}: it holds categories, which cleaning has encoded."
        if is_category
        else f"There is no column {asked!r} that the tree could decide.",
        expected=nearest(asked, [*possible, *numbers])
        if possible or numbers
        else "'columns.target', or a feature of numbers",
        hint="correct 'mining.tree.target' in the workflow file; to tell a column's categories apart, "
        "make it 'columns.target'",
    )


def restore_numbers(values: npt.ArrayLike, original: Original) -> Floats:
    """Bring a target of numbers back to its own unit.

    Parameters
    ----------
    values : array_like of shape (n_rows,)
        Clean values.
    original : Original

    Returns
    -------
    ndarray of shape (n_rows,), float64

    Raises
    ------
    MiningError
        When a value is missing or infinite.
    """
    numbers = original.restore(values)
    n_bad = int(np.count_nonzero(~np.isfinite(numbers)))
    if n_bad:
        raise MiningError(
            f"{n_bad} of {len(numbers)} rows have no usable {original.clean!r} to decide.",
            expected="finite numbers",
            hint="impute the column or send these rows to quarantine under 'cleaning', or choose "
            "another 'mining.tree.target'",
        )
    return numbers


def _choose_workflow_target(preparation: Preparation, originals: Originals) -> Target:
    if preparation.target is None:
        raise MiningError(
            "The workflow has no target that a tree could decide.",
            expected="'columns.target', or 'mining.tree.target' with a feature of numbers",
            hint="add one of them to the workflow file, or remove 'mining.tree'",
        )
    if preparation.kind == "regression":
        return Target(preparation.target, original=originals.find(preparation.target))
    n_classes = len(preparation.classes)
    if n_classes > MAX_CLASSES:
        raise MiningError(
            f"The target {preparation.target!r} has {n_classes:,} classes.",
            expected=f"at most {MAX_CLASSES}: a tree that tells more apart is not read by anyone",
            hint="if it holds numbers, write 'predict: {kind: regression}'; else remove 'mining.tree'",
        )
    return Target(preparation.target, classes=tuple(preparation.classes))


def _is_made_of(clean: str, target: str, preparation: Preparation) -> bool:
    # What cleaning derived from a feature (`age_was_missing`) begins with its name, and did not arrive.
    return clean == target or (clean.startswith(f"{target}_") and clean not in preparation.columns)
