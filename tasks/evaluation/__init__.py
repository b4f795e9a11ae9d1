"""Evaluation: every candidate, the baseline and the champion on the same rows, by the same code."""
