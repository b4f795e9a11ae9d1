"""Airflow's components and the MLflow server of one machine, run as subprocesses.

Ground package behind ``nocturne up``, ``down`` and ``status`` (``stack.py`` holds their bodies) and
behind ``nocturne trigger`` (``airflow_api.py``). It imports neither Airflow nor MLflow: it starts
them with an environment of our own, waits until they answer, and stops exactly what it started.
"""
