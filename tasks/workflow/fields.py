"""Kinds of values that several keys of a workflow file share.

Used by the models beside it.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

RESERVED_COLUMNS = frozenset({"id", "source", "line", "split"})  # Nocturne gives these itself
NAME_PATTERN = r"^[a-z][a-z0-9_]{0,62}$"

Name = Annotated[str, Field(pattern=NAME_PATTERN)]
PositiveInt = Annotated[int, Field(ge=1)]
PositiveFloat = Annotated[float, Field(gt=0.0)]
Fraction = Annotated[float, Field(ge=0.0, lt=1.0)]
ColumnNames = Annotated[tuple[str, ...], Field(min_length=1)]
