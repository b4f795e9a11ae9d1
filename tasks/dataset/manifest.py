"""The manifest of a dataset: its schema, partitions, rows, digests and origin.

Ground module; written last by the writer, so that a folder without one is known to be unfinished.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from tasks.dataset.digest import digest_json
from tasks.errors import DatasetError

MANIFEST_NAME = "manifest.json"
FORMAT_VERSION = 1


@dataclass(frozen=True)
class Partition:
    """One Parquet file of a dataset: its name, rows, bytes and SHA-256."""

    file: str
    n_rows: int
    n_bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a dataset folder holds.

    Parameters
    ----------
    columns : mapping of str to str
        Column names, in order, and their Arrow types as text.
    partitions : tuple of Partition
        In the order of the rows.
    origin : mapping
        Where the rows came from: source, parameters, parent datasets.
    """

    columns: Mapping[str, str]
    partitions: tuple[Partition, ...]
    origin: Mapping[str, Any] = field(default_factory=dict)

    @property
    def n_rows(self) -> int:
        """Rows in all partitions together."""
        return sum(p.n_rows for p in self.partitions)

    @property
    def sha256(self) -> str:
        """Digest of the columns and of every partition's content, in order."""
        return digest_json([dict(self.columns), [(p.n_rows, p.sha256) for p in self.partitions]])

    def write(self, folder: Path) -> None:
        """Write ``manifest.json`` into the folder, whole or not at all."""
        document = {
            "format": FORMAT_VERSION,
            "sha256": self.sha256,
            "n_rows": self.n_rows,
            "columns": dict(self.columns),
            "partitions": [asdict(p) for p in self.partitions],
            "origin": dict(self.origin),
        }
        temporary = folder / f".{MANIFEST_NAME}.partial"
        temporary.write_text(json.dumps(document, indent=1, ensure_ascii=False), encoding="utf-8")
        temporary.replace(folder / MANIFEST_NAME)

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read and check a folder's manifest.

        Raises
        ------
        DatasetError
            When it is missing, not JSON, of another format, or its digest does not match.
        """
        path = folder / MANIFEST_NAME
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            manifest = cls(
                columns=document["columns"],
                partitions=tuple(Partition(**p) for p in document["partitions"]),
                origin=document["origin"],
            )
            version, recorded = document["format"], document["sha256"]
        except FileNotFoundError as error:
            raise DatasetError(
                f"{folder} has no {MANIFEST_NAME}.",
                expected="a dataset folder that was written to its end",
                hint="run the step that writes it again",
            ) from error
        except (ValueError, KeyError, TypeError) as error:
            raise DatasetError(
                f"{path} cannot be read: {error}",
                expected=f"a manifest of format {FORMAT_VERSION}",
                hint="run the step that writes it again",
            ) from error
        if version != FORMAT_VERSION or recorded != manifest.sha256:
            raise DatasetError(
                f"{path} was altered or has format {version!r}.",
                expected=f"format {FORMAT_VERSION} and digest {manifest.sha256}",
                hint="run the step that writes it again",
            )
        return manifest


def schema_to_columns(schema: pa.Schema) -> dict[str, str]:
    """Column names and Arrow types of a schema, as text."""
    return {f.name: str(f.type) for f in schema}
