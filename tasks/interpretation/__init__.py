"""Explain what tonight's challenger says: which columns it rests on, and which pixels spoke for a class.

Stage module; ``step.py`` is the body of the Airflow task, after everybody was judged.
"""
