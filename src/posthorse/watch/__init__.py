"""Notice: measures, standings and the log."""
