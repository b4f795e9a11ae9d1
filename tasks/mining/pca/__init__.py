"""Principal components of the training rows, and the map of the data."""
