"""The one container for tables, images and series: Parquet partitions and a manifest in a folder.

Ground module with NumPy and pyarrow alone, so that it can be carried to a bare GPU machine.
"""

from tasks.dataset.digest import digest_file, digest_folder, digest_json
from tasks.dataset.manifest import Manifest, Partition
from tasks.dataset.reader import Dataset
from tasks.dataset.tensors import array_to_tensor_column, tensor_column_to_array, tensor_type
from tasks.dataset.writer import DatasetWriter

__all__ = [
    "Dataset",
    "DatasetWriter",
    "Manifest",
    "Partition",
    "array_to_tensor_column",
    "digest_file",
    "digest_folder",
    "digest_json",
    "tensor_column_to_array",
    "tensor_type",
]
