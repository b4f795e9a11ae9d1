"""Expectations proposed from what the data hold today, for a person to edit.

Pure: profiles in, suites as JSON-able mappings out. Each says in its notes what it came from; all of
them hold on the data they came from.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

from tasks.dataset.columns import ID_COLUMN, LINE_COLUMN, SOURCE_COLUMN, SPLIT_COLUMN
from tasks.validation.column_profile import ColumnProfile
from tasks.validation.proposed import (
    MAX_CATEGORIES,
    Expectation,
    expect,
    propose_dates,
    propose_numbers,
    propose_presence,
    propose_range,
    propose_set,
    propose_text,
    propose_time,
)
from tasks.workflow import Columns

Stage: TypeAlias = Literal["raw", "clean"]

MAX_GROWTH = 10  # tonight's rows times this: more is a source read twice, or another one
_SHAPES = ("height", "width", "channels")


def propose_suite(
    name: str, profiles: Sequence[ColumnProfile], columns: Columns, stage: Stage
) -> dict[str, Any]:
    """Propose a suite.

    Parameters
    ----------
    name : str
        Of the suite.
    profiles : sequence of ColumnProfile
        Of all columns.
    columns : Columns
        Which column plays which part.
    stage : {"raw", "clean"}
        Clean features are never missing.

    Returns
    -------
    dict
        ``{"name", "notes", "expectations"}``, as :func:`tasks.validation.suites.read_suite` reads it.
    """
    n_rows = profiles[0].n_rows if profiles else 0
    expectations = [
        expect(
            "table_row_count_to_be_between",
            f"Today {n_rows} rows; half of them is too few.",
            min_value=max(1, n_rows // 2),
        ),
        expect(
            "table_row_count_to_be_between",
            f"Today {n_rows} rows; {MAX_GROWTH} times as many is another source.",
            "warning",
            max_value=max(1, n_rows) * MAX_GROWTH,
        ),
        expect(
            "table_columns_to_match_set",
            "The columns of today; others may come.",
            column_set=[profile.name for profile in profiles],
            exact_match=False,
        ),
    ]
    for profile in profiles:
        expectations += _propose_column(profile, columns, stage)
    return {
        "name": name,
        "notes": "Proposed by `nocturne profile` from one night's data: edit it, and review it like code.",
        "expectations": expectations,
    }


def write_suite(suite: dict[str, Any]) -> str:
    """Write a suite as JSON text with one expectation a line, as people edit and compare them."""
    lines = [
        f'  "{key}": {json.dumps(suite[key], ensure_ascii=False)},' for key in ("name", "notes")
    ]
    items = [
        f"    {json.dumps(e, ensure_ascii=False, allow_nan=False)}" for e in suite["expectations"]
    ]
    return "\n".join(["{", *lines, '  "expectations": [', ",\n".join(items), "  ]", "}", ""])


def _propose_column(profile: ColumnProfile, columns: Columns, stage: Stage) -> list[Expectation]:
    name = profile.name
    image = f"{columns.image.column}_" if columns.image is not None else None
    if name in {SOURCE_COLUMN, LINE_COLUMN}:
        return []
    if name == (columns.id or ID_COLUMN):
        return _propose_id(profile)
    if name == SPLIT_COLUMN:
        return [*propose_presence(profile, is_needed=True), *propose_set(profile, is_fact=True)]
    if image is not None and name.startswith(image):
        return _propose_figure(profile, name.removeprefix(image))
    if name == columns.target:
        return _propose_target(profile)
    is_feature = stage == "clean" and name not in columns.keep
    presence = propose_presence(profile, is_needed=is_feature or name == columns.time)
    if not profile.n_there:
        return presence
    propose = propose_time if name == columns.time else _BY_KIND.get(profile.kind)
    return [*presence, *(propose(profile) if propose is not None else [])]


_BY_KIND = {"number": propose_numbers, "date": propose_dates, "text": propose_text}


def _propose_target(profile: ColumnProfile) -> list[Expectation]:
    presence = propose_presence(profile, is_needed=True)
    is_class = profile.n_distinct is not None and profile.n_distinct <= MAX_CATEGORIES
    return [*presence, *(propose_set(profile, is_fact=True) if is_class else [])]


def _propose_id(profile: ColumnProfile) -> list[Expectation]:
    proposed = propose_presence(profile, is_needed=True)
    if profile.is_unique:
        note = "Every row is told apart by it."
        proposed.append(expect("column_values_to_be_unique", note, column=profile.name))
    return proposed


def _propose_figure(profile: ColumnProfile, figure: str) -> list[Expectation]:
    """Of the images' figures: shape and gaps are facts, brightness is weather."""
    if not profile.n_there:
        return []
    if figure in _SHAPES or figure.startswith("axis_"):
        return propose_set(profile, is_fact=True)
    if figure == "nan_count":
        return propose_set(profile, is_fact=True) if profile.greatest == 0 else []
    if figure == "empty_fraction":
        return propose_range(profile, highest=1.0)
    if figure == "mean":
        return propose_numbers(profile)[-1:]
    presence = propose_presence(profile, is_needed=True) if figure == "max" else []
    return [*presence, *propose_range(profile)]
