"""The Python side of Profiles Sync: it lands, plans, runs and reports; dbt transforms."""

__version__ = "0.1.0"
