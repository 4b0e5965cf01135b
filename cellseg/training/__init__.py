"""Running a solver: run folders, weight transfer, progress, log and test scores."""
