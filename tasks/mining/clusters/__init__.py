"""Groups in the training rows: four algorithms, the number of groups, how stable they are, and last night's."""
