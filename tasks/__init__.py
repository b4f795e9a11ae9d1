"""What Nocturne does in a night: ingest, validate, clean, mine, train, evaluate, promote, report.

Nothing in this package imports Airflow: the DAGs in ``dags/`` call it, and so does ``nocturne run``.
"""

__version__ = "0.1.0"
