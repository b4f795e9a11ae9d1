"""Ingestion: the rows that had arrived by tonight, from a source to the raw dataset.

First stage of a night; ``step.py`` is its door to disk and MLflow.
"""
