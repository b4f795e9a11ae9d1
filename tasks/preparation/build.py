"""The transformers of a workflow file, in order, with the conversions that its columns imply.

Used by cleaning, which fits them, and by validation, which shows a suite the columns with their types.
"""

from __future__ import annotations

from typing import TypeAlias

from tasks.preparation.transformer import Transformer
from tasks.preparation.transformers.calendar import CalendarParts
from tasks.preparation.transformers.convert_category import ConvertToBoolean, ConvertToCategory
from tasks.preparation.transformers.convert_date import ConvertToDate
from tasks.preparation.transformers.convert_number import ConvertToNumber
from tasks.preparation.transformers.encode import OneHotEncode, OrdinalEncode, TargetEncode
from tasks.preparation.transformers.generalise import (
    GeneraliseColumns,
    MaskColumns,
    MergeRareCategories,
)
from tasks.preparation.transformers.images import CheckImages
from tasks.preparation.transformers.impute import SimpleImpute
from tasks.preparation.transformers.mark_missing import MarkMissing
from tasks.preparation.transformers.model_impute import ModelImpute
from tasks.preparation.transformers.outliers import Clip, Outliers
from tasks.preparation.transformers.scale import Scale
from tasks.preparation.transformers.series import FillInTime, RegularGrid
from tasks.workflow import Workflow
from tasks.workflow import cleaning as keys
from tasks.workflow.cleaning import CleaningStep, DropDuplicates
from tasks.workflow.privacy import Generalise, Mask

CleaningOperation: TypeAlias = Transformer | DropDuplicates

# Steps that come before the conversions that no step names.
_EARLY = ("mark_missing", "convert")


def build_operations(workflow: Workflow) -> tuple[CleaningOperation, ...]:
    """Build what cleaning does, in order.

    Parameters
    ----------
    workflow : Workflow

    Returns
    -------
    tuple of Transformer or DropDuplicates
        Not fitted. First what privacy does to features (already done to rows that were ingested,
        and without effect on them; a model that predicts does it to the rows it is given), then
        the steps of the file. Text is trimmed and blank text is missing from the beginning. The
        conversions that the columns imply stand before the first step that is neither
        ``mark_missing`` nor ``convert``: a feature that no step converts, encodes or takes the
        calendar from becomes a number, one to be encoded a category, a time or one for the
        calendar a date.
    """
    steps = list(workflow.cleaning)
    n_early = next((i for i, s in enumerate(steps) if s.key not in _EARLY), len(steps))
    early = [t for step in steps[:n_early] for t in _build_step(step, workflow)]
    late = [t for step in steps[n_early:] for t in _build_step(step, workflow)]
    n_plain = next(
        (i for i, o in enumerate(late) if isinstance(o, Transformer) and o.is_learned), len(late)
    )
    # A first step that marks missing values in all columns trims them too: once is enough.
    is_trimmed = bool(early) and isinstance(early[0], MarkMissing) and early[0].columns is None
    trim = [] if is_trimmed else [MarkMissing(values=[])]
    return (
        *_build_privacy(workflow),
        *trim,
        *early,
        *_build_implied(workflow),
        *late[:n_plain],
        *_build_rare_categories(workflow),
        *late[n_plain:],
    )


def build_typing(workflow: Workflow) -> tuple[Transformer, ...]:
    """Build the part of the cleaning that only gives columns their types.

    Returns
    -------
    tuple of Transformer
        Plain transformers: missing values marked, columns converted, nothing else.
    """
    typing = (MarkMissing, ConvertToNumber, ConvertToDate, ConvertToBoolean, ConvertToCategory)
    return tuple(o for o in build_operations(workflow) if isinstance(o, typing))


def _build_privacy(workflow: Workflow) -> list[Transformer]:
    features = set(workflow.columns.features or ())
    built: list[Transformer] = []
    for step in workflow.privacy:
        settings = step.settings
        if isinstance(settings, Mask | Generalise):
            named = [name for name in settings.columns if name in features]
            if not named:
                continue
            if isinstance(settings, Mask):
                built.append(MaskColumns(named, keep=settings.keep, n=settings.n))
            elif settings.min_rows is None:
                built.append(
                    GeneraliseColumns(
                        named, width=settings.width, period=settings.period, length=settings.length
                    )
                )
    return built


def _build_rare_categories(workflow: Workflow) -> list[Transformer]:
    """Rare categories were merged while ingesting; a model must merge those it is given likewise."""
    features = set(workflow.columns.features or ())
    built: list[Transformer] = []
    for step in workflow.privacy:
        if isinstance(step.settings, Generalise) and step.settings.min_rows is not None:
            named = [name for name in step.settings.columns if name in features]
            if named:
                built.append(MergeRareCategories(named))
    return built


def _build_implied(workflow: Workflow) -> list[Transformer]:
    columns = workflow.columns
    converted: set[str] = set()
    encoded: set[str] = set()
    dated: set[str] = {columns.time} if columns.time is not None else set()
    for step in workflow.cleaning:
        settings = step.settings
        if isinstance(settings, keys.Convert):
            converted.update(settings.columns)
        elif isinstance(settings, keys.Encode):
            encoded.update(settings.columns)
        elif isinstance(settings, keys.Calendar):
            dated.update(settings.columns)
    features = list(columns.features or ())
    dates = [name for name in dict.fromkeys((*features, columns.time)) if name in dated - converted]
    categories = [name for name in features if name in encoded - converted - dated]
    numbers = [name for name in features if name not in converted | encoded | dated]
    built: list[Transformer] = []
    if numbers:
        built.append(ConvertToNumber(numbers))
    if categories:
        built.append(ConvertToCategory(categories))
    if dates:
        built.append(ConvertToDate([name for name in dates if name is not None]))
    return built


def _build_step(step: CleaningStep, workflow: Workflow) -> list[CleaningOperation]:
    s = step.settings
    named = list(columns) if (columns := getattr(s, "columns", None)) is not None else None
    if isinstance(s, DropDuplicates):
        return [s]
    if isinstance(s, keys.MarkMissing):
        return [MarkMissing(values=list(s.values), columns=named)]
    if isinstance(s, keys.Convert):
        return [_build_conversion(s)]
    if isinstance(s, keys.Impute):
        return [_build_impute(s, named, workflow)]
    if isinstance(s, keys.Encode):
        return [_build_encoding(s)]
    if isinstance(s, keys.Clip | keys.Outliers | keys.Scale):
        return [_build_limits_or_scale(s, named, workflow)]
    if isinstance(s, keys.Calendar):
        return [CalendarParts(list(s.columns), parts=list(s.parts), cyclic=s.cyclic)]
    if isinstance(s, keys.RegularGrid):
        return [RegularGrid(time=str(workflow.columns.time), every=s.every)]
    image = workflow.columns.image
    if isinstance(s, keys.CheckImages) and image is not None:
        return [CheckImages(column=image.column, min_contrast=s.min_contrast)]
    raise TypeError(f"no transformer for {step.key}")


def _build_limits_or_scale(
    s: keys.Clip | keys.Outliers | keys.Scale, named: list[str] | None, workflow: Workflow
) -> Transformer:
    if isinstance(s, keys.Clip):
        return Clip(list(s.columns), min=s.min, max=s.max)
    if isinstance(s, keys.Outliers):
        quantiles = list(s.quantiles)
        return Outliers(named, by=s.by, factor=s.factor, quantiles=quantiles, action=s.action)
    chosen = named if named is not None else list(workflow.columns.features or ())
    return Scale(chosen, to=s.to, range=list(s.range), skip_others=named is None)


def _build_conversion(s: keys.Convert) -> Transformer:
    columns = list(s.columns)
    if s.to == "number":
        return ConvertToNumber(
            columns, thousands=s.thousands, decimal=s.decimal, unconvertible=s.unconvertible
        )
    if s.to == "date":
        return ConvertToDate(columns, formats=list(s.formats), unconvertible=s.unconvertible)
    if s.to == "boolean":
        return ConvertToBoolean(
            columns,
            true_values=list(s.true_values),
            false_values=list(s.false_values),
            unconvertible=s.unconvertible,
        )
    return ConvertToCategory(
        columns,
        categories=list(s.categories) if s.categories is not None else None,
        synonyms=dict(s.synonyms),
        unconvertible=s.unconvertible,
    )


def _build_impute(s: keys.Impute, named: list[str] | None, workflow: Workflow) -> Transformer:
    if s.by == "interpolate" or s.by == "forward_fill":
        return FillInTime(
            named,
            time=str(workflow.columns.time),
            by=s.by,
            max_gap=s.max_gap,
            indicator=s.indicator,
        )
    if s.by == "iterative" or s.by == "nearest_neighbors" or s.by == "model":
        return ModelImpute(
            named,
            by=s.by,
            n_neighbors=s.n_neighbors,
            estimator=s.estimator,
            params=dict(s.params),
            indicator=s.indicator,
            seed=workflow.seed,
        )
    return SimpleImpute(named, by=s.by, value=s.value, indicator=s.indicator)


def _build_encoding(s: keys.Encode) -> Transformer:
    columns = list(s.columns)
    if s.by == "one_hot":
        return OneHotEncode(columns, min_rows=s.min_rows, max_categories=s.max_categories)
    if s.by == "ordinal":
        order = list(s.order) if s.order is not None else None
        return OrdinalEncode(columns, order=order, min_rows=s.min_rows)
    return TargetEncode(columns, min_rows=s.min_rows, n_folds=s.n_folds)
