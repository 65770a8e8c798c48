"""A sample archive: ten days of an outdoor shop, as Segment would have stored them, and an hour that comes later."""

from profiles_sync.sample.archive import SampleFiles, write_sample_archive
from profiles_sync.sample.shop import SHOWN_PERSON_EMAIL

__all__ = ["SHOWN_PERSON_EMAIL", "SampleFiles", "write_sample_archive"]
