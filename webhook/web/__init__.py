"""The web edge: routes, answers and the one table from errors to statuses."""
