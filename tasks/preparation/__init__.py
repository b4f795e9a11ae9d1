"""From raw rows to the arrays a model reads: the transformers of the cleaning, and what they learned.

Ground package with NumPy and pyarrow alone: cleaning fits it, and it travels inside the registered model.
``build.py`` makes the transformers of a workflow file and stays at home.
"""

from tasks.preparation.preparation import Preparation

__all__ = ["Preparation"]
