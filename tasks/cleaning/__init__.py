"""Cleaning: typed, complete, distinct rows with a part each, and every other row kept with its reason.

Third stage of a night; ``step.py`` is its door to disk and MLflow.
"""
