"""What one step of ``privacy`` makes of one column, as long as no other rows are needed for it.

Pure; the rules are those of ``tasks.preparation.masking``, which registered models follow too.
"""

from __future__ import annotations

from collections import Counter

import pyarrow as pa

from tasks.errors import PrivacyError
from tasks.preparation.frame import Column, find_kind, read_column
from tasks.preparation.masking import mask_text, normalise, read_text
from tasks.preparation.transformers.generalise import generalise
from tasks.privacy.pseudonyms import pseudonymise
from tasks.privacy.tokens import TokenCipher
from tasks.workflow.base import WorkflowModel
from tasks.workflow.privacy import Encrypt, Generalise, Mask, Pseudonymise


def protect_column(
    step: WorkflowModel,
    column: pa.Array,
    name: str,
    *,
    pseudonym_key: bytes,
    cipher: TokenCipher | None,
    changes: Counter[tuple[str, str]],
) -> pa.StringArray:
    """Protect one column by one step.

    Parameters
    ----------
    step : Mask, Pseudonymise, Generalise or Encrypt
    column : pyarrow.Array of length n_rows
        As the source has it, or as an earlier step has left it.
    name : str
    pseudonym_key : bytes
        For pseudonyms.
    cipher : TokenCipher or None
        For encryption.
    changes : Counter of (column, what)
        Counts values that are lost, because they are no number or no date.

    Returns
    -------
    pyarrow.StringArray of length n_rows
        Missing stays missing.

    Raises
    ------
    PrivacyError
        When the column's type cannot be protected in this way; tells the type, no value.
    """
    if isinstance(step, Encrypt) and cipher is not None:
        return cipher.encrypt_column(_read_exact(column, name), name)
    if isinstance(step, Pseudonymise) and pseudonym_key:
        return pseudonymise(read_text(column, name), pseudonym_key)
    if isinstance(step, Mask):
        return mask_text(read_text(column, name), step.keep, step.n)
    if isinstance(step, Generalise):
        if step.min_rows is not None:
            return read_text(column, name)  # which are rare is not known before all are counted
        return generalise(
            _read_values(step, column, name),
            name,
            changes,
            width=step.width,
            period=step.period,
            length=step.length,
        )
    raise TypeError(f"no protection for {type(step).__name__}")


def _read_values(step: Generalise, column: pa.Array, name: str) -> Column:
    """Read what is generalised: text, or numbers or dates as the way wants them."""
    if step.length is not None or is_text(column.type) or pa.types.is_null(column.type):
        return read_text(column, name)
    read_text(column.slice(0, 0), name)  # refuses lists, binaries, tensors
    values = read_column(column, name)
    way, wanted = ("period", "date") if step.period is not None else ("width", "number")
    if find_kind(values) not in {wanted, "text"}:
        raise PrivacyError(
            f"The column {name!r}, which 'privacy' generalises by '{way}', has the type {column.type}.",
            expected=f"{wanted}s, or text that can be read as such",
            hint="correct 'privacy' in the workflow file, or convert the column in the source",
        )
    return values if find_kind(values) == wanted else normalise(values)


def _read_exact(column: pa.Array, name: str) -> pa.StringArray:
    """Text to be encrypted: to the letter, since it is to be read again."""
    return column.cast(pa.string()) if is_text(column.type) else read_text(column, name)


def is_text(kind: pa.DataType) -> bool:
    """Whether an Arrow type holds text, in whichever layout."""
    if isinstance(kind, pa.DictionaryType):
        kind = kind.value_type
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )
