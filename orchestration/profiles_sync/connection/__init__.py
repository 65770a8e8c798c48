"""From nothing to a warehouse that a sync can use: questions, credentials, grants, checks."""
