"""The transformers of the cleaning by their keys, one file per idea.

Ground package; each class keeps scikit-learn's manners (see ``tasks.preparation.transformer``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tasks.errors import CleaningError, nearest
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

if TYPE_CHECKING:
    from tasks.preparation.preparation import Preparation

TRANSFORMERS: Mapping[str, type[Transformer]] = {
    cls.KEY: cls
    for cls in (
        CalendarParts,
        CheckImages,
        Clip,
        ConvertToBoolean,
        ConvertToCategory,
        ConvertToDate,
        ConvertToNumber,
        FillInTime,
        GeneraliseColumns,
        MarkMissing,
        MaskColumns,
        MergeRareCategories,
        ModelImpute,
        OneHotEncode,
        OrdinalEncode,
        Outliers,
        RegularGrid,
        Scale,
        SimpleImpute,
        TargetEncode,
    )
}


def list_packages(preparation: Preparation) -> tuple[str, ...]:
    """Distributions that the transformers need beside NumPy and pyarrow."""
    # Chained equations are saved as plain figures.
    models = any(
        isinstance(t, ModelImpute) and t.by != "iterative" for t in preparation.transformers
    )
    return ("scikit-learn", "skops") if models else ()


def transformer_from_json(document: Mapping[str, Any]) -> Transformer:
    """Read a transformer that :meth:`Transformer.to_json` wrote.

    Raises
    ------
    CleaningError
        When its key is unknown.
    """
    key = document["key"]
    if key not in TRANSFORMERS:
        raise CleaningError(
            f"The model's preparation has the unknown step {key!r}.",
            expected=nearest(key, list(TRANSFORMERS)),
            hint="load the model with the version of Nocturne that trained it, or retrain it",
        )
    return TRANSFORMERS[key].from_json(document)
