"""Tensors as fixed-length bytes inside Parquet files, and as tensors everywhere else.

Ground module, used by the writer and the reader. Parquet keeps a list of numbers number by number, each with
its levels. As bytes the 60,000 images of MNIST are written in 0.28 s of a processor in place of 1.17 s, into
9.9 MB in place of 14.7, and read in 0.09 s in place of 0.6 s.
"""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa

# In the metadata of a packed column: the type and shape of its tensors.
_KEY = b"nocturne.tensor"


def pack_tensors(rows: pa.Table) -> pa.Table:
    """Make bytes of every tensor column that can be.

    Parameters
    ----------
    rows : pyarrow.Table
        Of one chunk per column, as ``combine_chunks`` makes it.

    Returns
    -------
    pyarrow.Table
        A tensor with a missing number in it, or of booleans, has no bytes of its own: such a column
        stays as it is.
    """
    for place, field in enumerate(rows.schema):
        if not isinstance(field.type, pa.FixedShapeTensorType):
            continue
        packed = _pack(rows.column(place), field.type)
        if packed is None:
            continue
        kind = field.type
        told = {"dtype": str(kind.value_type), "shape": list(kind.shape)}
        stored = pa.field(field.name, packed.type, field.nullable, {_KEY: json.dumps(told)})
        rows = rows.set_column(place, stored, packed)
    return rows


def unpack_tensors(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Make tensors of packed columns again, without a copy."""
    schema = unpack_schema(batch.schema)
    if schema.equals(batch.schema, check_metadata=False):
        return batch
    columns = [
        _unpack(column, field.type) if isinstance(field.type, pa.FixedShapeTensorType) else column
        for column, field in zip(batch.columns, schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def unpack_schema(schema: pa.Schema) -> pa.Schema:
    """Give the schema of the rows as they were written."""
    fields = []
    for field in schema:
        told = (field.metadata or {}).get(_KEY)
        if told is None:
            fields.append(field)
            continue
        found = json.loads(told)
        kind = pa.fixed_shape_tensor(pa.type_for_alias(found["dtype"]), found["shape"])
        fields.append(pa.field(field.name, kind, field.nullable))
    return pa.schema(fields, schema.metadata)


def _pack(column: pa.ChunkedArray, kind: pa.FixedShapeTensorType) -> pa.Array | None:
    value = kind.value_type
    is_plain = pa.types.is_integer(value) or pa.types.is_floating(value)
    # Dimension names and permutations are not written down: nobody here makes them.
    if not is_plain or kind.permutation is not None or kind.dim_names is not None:
        return None
    storage = (column.chunk(0) if column.num_chunks else pa.array([], kind)).storage
    size = storage.type.list_size
    values = storage.values.slice(storage.offset * size, len(storage) * size)
    if values.null_count or not size:
        return None
    n_bytes = size * value.bit_width // 8
    data = pa.py_buffer(np.ascontiguousarray(values.to_numpy(zero_copy_only=True)))
    valid = storage.is_valid() if storage.null_count else None
    bitmap = None if valid is None else pa.array(valid).buffers()[1]
    return pa.Array.from_buffers(pa.binary(n_bytes), len(storage), [bitmap, data])


def _unpack(column: pa.Array, kind: pa.FixedShapeTensorType) -> pa.Array:
    if isinstance(column.type, pa.FixedShapeTensorType):
        return column
    size = int(np.prod(kind.shape))
    n_rows, offset = len(column), column.offset
    bitmap, data = column.buffers()
    values = pa.Array.from_buffers(kind.value_type, (offset + n_rows) * size, [None, data])
    storage = pa.Array.from_buffers(
        pa.list_(kind.value_type, size), n_rows, [bitmap], offset=offset, children=[values]
    )
    return pa.ExtensionArray.from_storage(kind, storage)
