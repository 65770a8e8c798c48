"""Landing: from files of Segment calls to raw events in the warehouse, exactly once."""

from profiles_sync.landing.load import land, list_new_files, prepare_space
from profiles_sync.landing.model import (
    FileOutcome,
    LandingError,
    LandingOptions,
    LoadReport,
    NewFile,
    Notice,
    Progress,
    Source,
    SourceName,
)

__all__ = [
    "FileOutcome",
    "LandingError",
    "LandingOptions",
    "LoadReport",
    "NewFile",
    "Notice",
    "Progress",
    "Source",
    "SourceName",
    "land",
    "list_new_files",
    "prepare_space",
]
