"""NVIDIA cards: which there are, who has which, a fresh interpreter for a training on one, and what goes wrong there.

A machine without cards needs of it the load of the machine alone.
"""
