"""The key ``privacy`` of a workflow file: what is done to personal columns before anything is written.

``tasks.privacy`` does it while rows are ingested; the attribute docstrings become the descriptions
of the JSON Schema.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tasks.workflow.base import OneKey, WorkflowModel, refuse
from tasks.workflow.fields import ColumnNames, PositiveFloat, PositiveInt


class Drop(WorkflowModel):
    """Columns that are never read, and that no other key of the file may name."""

    columns: ColumnNames
    """The columns."""


class Mask(WorkflowModel):
    """Replace the signs of a text by `*`, but for a part."""

    columns: ColumnNames
    """The columns."""
    keep: Literal["nothing", "last", "domain"] = "nothing"
    """What stays readable: nothing, the last signs, or what follows the `@` of an address."""
    n: PositiveInt = 4
    """For last: how many signs."""


class Pseudonymise(WorkflowModel):
    """Replace a value by its keyed HMAC-SHA256, so that a person keeps the same pseudonym from night to night."""

    columns: ColumnNames
    """The columns; the key is NOCTURNE_PSEUDONYM_KEY in the environment."""


class Generalise(WorkflowModel):
    """Make a value less exact: exactly one of the ways below."""

    columns: ColumnNames
    """The columns."""
    width: PositiveFloat | None = None
    """Numbers: bins of this width, named by their lower bound (37 becomes 30)."""
    period: Literal["year", "quarter", "month", "week", "day"] | None = None
    """Dates: the first day of the period."""
    length: PositiveInt | None = None
    """Codes: only the first signs, the others as `*`."""
    min_rows: PositiveInt | None = None
    """Categories in fewer of tonight's rows than this become `other`."""

    @model_validator(mode="after")
    def _check_one(self) -> Generalise:
        ways = ("width", "period", "length", "min_rows")
        given = [way for way in ways if getattr(self, way) is not None]
        if len(given) != 1:
            raise refuse("", f"{given or 'none'} of the ways", f"exactly one of {', '.join(ways)}")
        return self


class KAnonymity(WorkflowModel):
    """Check that every combination of some columns is shared by at least k of tonight's rows."""

    columns: ColumnNames
    """The quasi-identifiers, after the steps above."""
    k: Annotated[int, Field(ge=2)]
    """Rows that share a combination."""
    action: Literal["suppress", "stop"] = "suppress"
    """Rows of smaller groups go to quarantine without these columns, or the night stops."""


class Encrypt(WorkflowModel):
    """Encrypt values by AES-GCM; `nocturne decrypt` reads them back for who has the key."""

    columns: ColumnNames
    """The columns, of `columns.keep`; the keys are NOCTURNE_ENCRYPTION_KEYS in the environment."""


class PrivacyStep(OneKey):
    """One step of the privacy: exactly one key."""

    drop: Drop | None = None
    """Never read."""
    mask: Mask | None = None
    """Signs as `*`."""
    pseudonymise: Pseudonymise | None = None
    """Keyed pseudonyms."""
    generalise: Generalise | None = None
    """Less exact."""
    k_anonymity: KAnonymity | None = None
    """Groups of at least k rows."""
    encrypt: Encrypt | None = None
    """Readable with a key only."""
