"""What the champion says of rows that have arrived, and how far those have drifted from what it learned from.

A stage outside the night: `nocturne score` and the DAG `scoring` walk it whenever there is reason to.
"""
