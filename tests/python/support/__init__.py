"""Helpers that several areas of the suite share."""
