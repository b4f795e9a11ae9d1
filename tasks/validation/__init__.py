"""Validation: a Great Expectations suite gates the raw and the clean data.

Second and fourth stage of a night; ``step.py`` is its door to disk and MLflow.
"""
