"""Fit the candidates and the baseline on the clean training rows, each in a task of its own.

Stage module; ``step.py`` is the body of the Airflow task, ``python -m tasks.training`` the same
training in a fresh interpreter. All but ``baseline`` and ``step`` runs with Keras, NumPy and pyarrow alone.
"""
