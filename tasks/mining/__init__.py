"""What is in the data: the groups its training rows fall into.

Stage after the clean data have been validated; beside training, and nothing waits for it but the report.
"""
