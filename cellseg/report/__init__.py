"""The illustrated report: what run folders hold, as one page beside the report's own figures and table."""
