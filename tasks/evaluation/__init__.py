"""Evaluation: candidates, baselines and the champion on the same rows or windows, by the same code."""
