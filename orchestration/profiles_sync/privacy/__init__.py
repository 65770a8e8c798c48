"""Requests of persons: suppress, delete. What is kept of a request is a keyed hash of the user id, never the id."""
