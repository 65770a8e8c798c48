"""Settings: one schema for `dbt_project.yml`, the rule files and the home, validated before anything runs."""

from profiles_sync.settings.edit import change_settings
from profiles_sync.settings.load import check_space, load_deployment, load_selection, load_settings, load_users_accounts
from profiles_sync.settings.schema import (
    Alerts,
    BlockedValue,
    Deployment,
    Event,
    IdentityRule,
    SelectiveSync,
    Settings,
    SourceConfig,
)

__all__ = [
    "Alerts",
    "BlockedValue",
    "Deployment",
    "Event",
    "IdentityRule",
    "SelectiveSync",
    "Settings",
    "SourceConfig",
    "change_settings",
    "check_space",
    "load_deployment",
    "load_selection",
    "load_settings",
    "load_users_accounts",
]
