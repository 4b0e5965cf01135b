"""From image folders to training data."""
