"""Checks between the columns of a workflow file and the steps that name them.

Called by ``Workflow`` when a file is read, so that a misspelt column is an error with its line and
not a night that fails.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pydantic_core import PydanticCustomError

from tasks.workflow.base import refuse
from tasks.workflow.cleaning import (
    Calendar,
    CheckImages,
    CleaningStep,
    DropDuplicates,
    Encode,
    Impute,
    MarkMissing,
    RegularGrid,
)
from tasks.workflow.columns import Columns, NoSplit, TimeSplit
from tasks.workflow.mining import BasketColumn, BasketPairs, Rules, Tree
from tasks.workflow.privacy import Drop, Encrypt, KAnonymity, Pseudonymise
from tasks.workflow.sources import SqlSource

if TYPE_CHECKING:
    from tasks.workflow.models import Workflow

# Steps that learn from the training rows, need rows in order of time, or change which columns there
# are: which rows there are must be settled before.
SECOND_PASS = frozenset({"impute", "outliers", "scale", "encode", "regular_grid", "calendar"})
# Steps that change features alone: not the target, the id, or what is kept.
FEATURE_STEPS = frozenset({"impute", "clip", "outliers", "scale", "encode", "calendar"})


def check_columns_of_steps(workflow: Workflow) -> None:
    """Check that every step names columns that are there, in an order that can be carried out.

    Parameters
    ----------
    workflow : Workflow

    Raises
    ------
    PydanticCustomError
        Naming the key at fault, what was found and what was expected.
    """
    columns = workflow.columns
    if isinstance(workflow.source, SqlSource) and columns.id is None:
        raise refuse("columns", "a query without 'columns.id'", "the column that identifies a row")
    if isinstance(workflow.split, TimeSplit) and columns.time is None:
        raise refuse("split.by", "'time' without 'columns.time'", "the column that orders the rows")
    _check_privacy(workflow)
    _check_cleaning(workflow)
    _check_mining(workflow)


def is_in_time_order(step: CleaningStep) -> bool:
    """Whether a step needs all rows of a series, in order of time."""
    settings = step.settings
    if isinstance(settings, Impute):
        return settings.by in {"interpolate", "forward_fill"}
    return isinstance(settings, RegularGrid)


def _check_cleaning(workflow: Workflow) -> None:
    columns = workflow.columns
    known = {columns.id or "id", *columns.read}
    first = ""
    for i, step in enumerate(workflow.cleaning):
        at, settings = f"cleaning.{i}.{step.key}", step.settings
        _check_kind_of_data(at, step, workflow)
        is_duplicates = isinstance(settings, DropDuplicates)
        if is_duplicates and first:
            raise refuse(at, f"'drop_duplicates' after {first!r}", f"it before {first!r}")
        key = "by" if is_duplicates else "columns"
        for name in getattr(settings, key, None) or ():
            # Rows are compared before any step has added a column.
            _check_known(f"{at}.{key}", name, known, () if is_duplicates else columns.inputs)
            is_input = name in {*columns.inputs, columns.time}
            is_added = name not in known and not isinstance(settings, Encode | Calendar)
            if step.key in FEATURE_STEPS and not (is_input or is_added):
                raise refuse(f"{at}.columns", f"{name!r}, which is no feature", "a feature")
        first = first or (step.key if step.key in SECOND_PASS else "")


def _check_kind_of_data(at: str, step: CleaningStep, workflow: Workflow) -> None:
    columns, settings = workflow.columns, step.settings
    if isinstance(settings, CheckImages) and columns.image is None:
        raise refuse(at, "'check_images' without images", "'columns.image'")
    for_images = CheckImages | DropDuplicates | MarkMissing
    if columns.image is not None and not isinstance(settings, for_images):
        raise refuse(at, f"'{step.key}' on images", "check_images, drop_duplicates or mark_missing")
    if is_in_time_order(step) and columns.time is None:
        raise refuse(at, f"'{step.key}' in time order without 'columns.time'", "'columns.time'")
    if isinstance(settings, RegularGrid) and columns.target is not None:
        raise refuse(at, "'regular_grid' with a target", "a series without 'columns.target'")
    if isinstance(settings, RegularGrid) and columns.keep:
        raise refuse(at, "'regular_grid' with 'columns.keep'", "a series without 'columns.keep'")
    if isinstance(settings, Encode) and settings.by == "target" and columns.target is None:
        raise refuse(f"{at}.by", "'target' without 'columns.target'", "one_hot or ordinal")


def _check_mining(workflow: Workflow) -> None:
    columns, mining = workflow.columns, workflow.mining
    for kind in mining.kinds:
        at, settings = f"mining.{kind}", getattr(mining, kind)
        named = settings.columns or ()
        if isinstance(settings, Rules):
            _check_rules(at, settings, workflow)
            known = {*columns.inputs, *columns.keep, *([columns.target] if columns.target else [])}
        else:
            known = set(columns.inputs)
        if not columns.inputs and not (isinstance(settings, Rules) and settings.baskets):
            raise refuse(at, f"'{kind}' without inputs", "'columns.image' or 'columns.features'")
        if named and columns.image is not None:
            raise refuse(f"{at}.columns", "'columns' of images", "all pixels, without 'columns'")
        for name in named:
            _check_known(f"{at}.columns", name, known, columns.inputs)
    if mining.tree is not None:
        _check_tree(mining.tree, columns)


def _check_rules(at: str, rules: Rules, workflow: Workflow) -> None:
    columns, baskets = workflow.columns, rules.baskets
    if baskets is None:
        if columns.image is not None:
            raise refuse(at, "'rules' of images", "a table, or 'baskets'")
        return
    if rules.columns is not None:
        raise refuse(f"{at}.columns", "'columns' beside 'baskets'", "one of them")
    named = (
        {"column": baskets.column}
        if isinstance(baskets, BasketColumn)
        else {"basket": baskets.basket, "item": baskets.item}
    )
    for key, name in named.items():
        if name not in columns.keep:
            raise _refuse_column(f"{at}.baskets.{key}", name, columns.keep)
    if isinstance(baskets, BasketPairs) and not isinstance(workflow.split, NoSplit):
        # A row's part follows from its id: the items of one basket would fall into different parts.
        found = f"baskets of several rows with the split by {workflow.split.by!r}"
        raise refuse(f"{at}.baskets", found, "'split: {by: none}'")


def _check_tree(tree: Tree, columns: Columns) -> None:
    target = tree.target or columns.target
    if target is None:
        raise refuse("mining.tree", "a tree without a target", "'target', or 'columns.target'")
    if target != columns.target and (columns.image is not None or target not in columns.inputs):
        raise _refuse_column("mining.tree.target", target, {*columns.inputs, columns.target or ""})
    if target in (tree.columns or ()):
        raise refuse("mining.tree.columns", f"the target {target!r}", "other columns")


def _check_known(at: str, name: str, known: set[str], inputs: Iterable[str]) -> None:
    # Steps may also name what earlier steps have added: `day_month`, `city_Paris`.
    if name not in known and not any(name.startswith(f"{feature}_") for feature in inputs):
        raise _refuse_column(at, name, known)


def _check_privacy(workflow: Workflow) -> None:
    columns = workflow.columns
    own_id = columns.id or "id"
    read = {*columns.read, own_id}
    # What each step may be done to: models read features, and must be able to do it again.
    # Of the id only pseudonyms: they keep different ids different and equal ones equal.
    keep = {*columns.keep} - {own_id}
    allowed: dict[type, tuple[set[str], str]] = {
        Encrypt: (keep, "a column of 'columns.keep'"),
        Pseudonymise: ({own_id, *keep}, "the id, or a column of 'columns.keep'"),
    }
    features = {*(columns.features or ())} - {own_id}
    readable = ({*features, *keep}, "a feature, or a column of 'columns.keep'")
    encrypted: set[str] = set()
    for i, step in enumerate(workflow.privacy):
        at, settings = f"privacy.{i}.{step.key}.columns", step.settings
        for name in getattr(settings, "columns", ()):
            if isinstance(settings, Drop):
                if name in read:
                    raise refuse(at, f"{name!r}, which 'columns' names", "a column nothing reads")
                continue
            if name not in read:
                raise _refuse_column(at, name, read)
            names, expected = allowed.get(type(settings), readable)
            if name not in names:
                raise refuse(at, f"{step.key} of {name!r}", expected)
            if isinstance(settings, KAnonymity) and name in encrypted:
                raise refuse(at, f"k_anonymity of {name!r}, which is encrypted", "other columns")
            if isinstance(settings, Encrypt):
                encrypted.add(name)


def _refuse_column(at: str, name: str, known: Iterable[str]) -> PydanticCustomError:
    return refuse(at, f"the column {name!r}", f"one of {', '.join(sorted(known))}")
