"""What is in the data: components, groups, rules and a decision tree, each a folder with a step of its own.

Stage after the clean data have been validated; beside training, and nothing waits for it but the report.
"""
