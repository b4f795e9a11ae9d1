"""From the dataset container to batches: arrays or windows of one part of the split, in an order that follows from the seed.

Needs NumPy and pyarrow alone, but for ``batches``, which is Keras's PyDataset.
"""
