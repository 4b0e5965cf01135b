"""Judging a network: foreground probabilities, threshold sweep, the indicators of the report's Table 1."""
