"""What the DAG files need of Airflow: the tracked task, a night's opening and closing, broken workflows."""
