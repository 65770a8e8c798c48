"""One sync: lock, land, plan, run dbt, conclude, record."""
