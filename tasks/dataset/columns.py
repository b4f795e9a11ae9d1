"""The columns that Nocturne itself gives to datasets, and the schema of the quarantine.

Ground module; every stage takes these names from here.
"""

from __future__ import annotations

import pyarrow as pa

ID_COLUMN = "id"  # the row's identity, in every dataset
SOURCE_COLUMN = "source"  # the file or built-in data set it came from, in raw datasets
LINE_COLUMN = "line"  # its line or row number there, from 1
SPLIT_COLUMN = "split"  # train, validation or holdout, in every dataset after cleaning

QUARANTINE_SCHEMA = pa.schema(
    [
        (ID_COLUMN, pa.string()),
        (SOURCE_COLUMN, pa.string()),
        (LINE_COLUMN, pa.int64()),
        ("reason", pa.string()),
        ("row", pa.string()),  # the row's scalar columns, as JSON
    ]
)
