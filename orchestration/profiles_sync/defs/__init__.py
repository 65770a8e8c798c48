"""What Dagster shows and runs: two asset steps, one job, one schedule."""
