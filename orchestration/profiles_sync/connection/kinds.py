"""What `connect` asks about each kind of warehouse."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import metadata

from profiles_sync.errors import ConfigError


@dataclass(frozen=True)
class Question:
    """One thing to know about a warehouse.

    Attributes:
        key: Key of the target in `profiles.yml`.
        flag: Option of `connect` that answers it, without dashes.
        text: The question.
        default: Answer when none is given; None: there has to be one.
        secret: Never shown, and kept where the user wants secrets to be kept.
    """

    key: str
    flag: str
    text: str
    default: str | None = None
    secret: bool = False

    @property
    def is_number(self) -> bool:
        """Whether dbt wants a number."""
        return self.key == "port"


@dataclass(frozen=True)
class Kind:
    """A kind of warehouse.

    Attributes:
        name: dbt's adapter type, and the target's name.
        title: As people call it.
        adapter: Package of its dbt adapter.
        questions: What to ask.
    """

    name: str
    title: str
    adapter: str
    questions: tuple[Question, ...]

    @property
    def install(self) -> str:
        """Command that installs its driver."""
        extras = metadata("profiles-sync").get_all("Provides-Extra") or []
        return f"pip install 'profiles-sync[{self.name}]'" if self.name in extras else f"pip install {self.adapter}"


_PASSWORD = Question("password", "password-file", "Password", secret=True)


def _server(port: str, *, database_key: str = "dbname") -> tuple[Question, ...]:
    return (
        Question("host", "host", "Host"),
        Question("port", "port", "Port", port),
        Question(database_key, "database", "Database"),
        Question("user", "user", "User", "profiles_sync"),
        _PASSWORD,
    )


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("duckdb", "DuckDB", "dbt-duckdb", (Question("path", "path", "File", "warehouse.duckdb"),)),
        Kind(
            "postgres",
            "Postgres",
            "dbt-postgres",
            (*_server("5432"), Question("sslmode", "sslmode", "SSL mode", "prefer")),
        ),
        Kind(
            "redshift",
            "Redshift",
            "dbt-redshift",
            (*_server("5439"), Question("sslmode", "sslmode", "SSL mode", "verify-ca")),
        ),
        Kind(
            "snowflake",
            "Snowflake",
            "dbt-snowflake",
            (
                Question("account", "account", "Account identifier, with its region"),
                Question("database", "database", "Database", "PROFILES_SYNC"),
                Question("warehouse", "compute", "Virtual warehouse", "PROFILES_SYNC"),
                Question("role", "role", "Role", "PROFILES_SYNC"),
                Question("user", "user", "User", "PROFILES_SYNC"),
                Question("private_key_path", "key-file", "File with the private key (PKCS#8)"),
                Question("private_key_passphrase", "password-file", "Passphrase of the key", "", secret=True),
            ),
        ),
        Kind(
            "bigquery",
            "BigQuery",
            "dbt-bigquery",
            (
                Question("project", "project", "Project"),
                Question("location", "location", "Location of the datasets", "US"),
                Question("keyfile", "key-file", "Key file of the service account; blank: the default credentials", ""),
            ),
        ),
        Kind(
            "synapse",
            "Azure Synapse",
            "dbt-synapse",
            (
                Question("host", "host", "Host, with .sql.azuresynapse.net or .database.windows.net"),
                Question("database", "database", "Dedicated SQL pool"),
                Question("user", "user", "User", "profiles_sync"),
                _PASSWORD,
                Question("driver", "driver", "ODBC driver", "ODBC Driver 18 for SQL Server"),
            ),
        ),
        Kind(
            "sqlserver",
            "SQL Server or Azure SQL Database",
            "dbt-sqlserver",
            _server("1433", database_key="database"),
        ),
    )
}


def find_kind(name: str) -> Kind:
    """Return the kind of this name.

    Raises:
        ConfigError: There is none.
    """
    if name not in KINDS:
        raise ConfigError(f"there is no warehouse `{name}`", hint=f"Warehouses: {', '.join(KINDS)}.")
    return KINDS[name]
