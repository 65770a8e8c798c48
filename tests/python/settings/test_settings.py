"""Settings: what is merged, and that a mistake names its file, its line and the way out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from profiles_sync.errors import ConfigError
from profiles_sync.home import Home
from profiles_sync.project import project_dir
from profiles_sync.settings import load_deployment, load_settings

SEED_RULES = """\
external_id_type,value_limit,limit_window,priority,custom,from_group_traits,normalize,enabled
user_id,1,ever,1,false,true,,true
email,5,ever,2,false,true,,true
anonymous_id,5,ever,,false,true,,true
"""
SEED_BLOCKED = """\
external_id_type,kind,value
,exact,-1
,zeroes_and_dashes,
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").create()


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package with this project's own defaults and small seeds."""
    folder = tmp_path / "package"
    (folder / "seeds").mkdir(parents=True)
    shutil.copy(project_dir() / "dbt_project.yml", folder)
    (folder / "seeds" / "identity_rules.csv").write_text(SEED_RULES)
    (folder / "seeds" / "blocked_values.csv").write_text(SEED_BLOCKED)
    return folder


def test_without_a_home_file_the_projects_defaults_hold(home: Home, package: Path) -> None:
    settings = load_settings(home, package, "profiles")

    assert settings.space_id == "profiles"
    assert (settings.merge_cap, settings.mapping_cap, settings.backfill_months) == (100, 1000, 2)
    assert [(rule.external_id_type, rule.value_limit, rule.priority) for rule in settings.identity_rules] == [
        ("user_id", 1, 1),
        ("email", 5, 2),
        ("anonymous_id", 5, None),
    ]
    assert [(value.kind, value.value) for value in settings.blocked_values] == [
        ("exact", "-1"),
        ("zeroes_and_dashes", ""),
    ]


def test_the_home_overrides_scalars_and_rules_column_by_column(home: Home, package: Path) -> None:
    home.config_file.write_text("merge_cap: 7\nspace_id: shop\nsource_names:\n  src_1: {name: Web, slug: web}\n")
    (home.rules_dir / "identity_rules.csv").write_text(
        "external_id_type,value_limit,limit_window\nanonymous_id,3,weekly\nphone,,ever\n"
    )
    (home.rules_dir / "blocked_values.csv").write_text(
        "external_id_type,kind,value\nemail,pattern,.*@test\\.example\n,exact,-1\n"
    )

    settings = load_settings(home, package, "profiles")

    rules = {rule.external_id_type: rule for rule in settings.identity_rules}
    assert (settings.merge_cap, settings.space_id) == (7, "shop")
    assert settings.source_names["src_1"].slug == "web"
    assert (rules["anonymous_id"].value_limit, rules["anonymous_id"].limit_window) == (3, "weekly")
    assert rules["anonymous_id"].custom is False, "a column that the home leaves out stays as in the package"
    assert (rules["phone"].value_limit, rules["phone"].custom, rules["phone"].priority) == (None, True, None)
    assert [(value.external_id_type, value.value) for value in settings.blocked_values] == [
        ("", "-1"),
        ("", ""),
        ("email", r".*@test\.example"),
    ]


def test_a_new_type_takes_the_default_limit_where_its_column_is_left_out(home: Home, package: Path) -> None:
    home.config_file.write_text("default_limit: 9\ndefault_window: monthly\n")
    (home.rules_dir / "identity_rules.csv").write_text("external_id_type\napp_id\n")

    rule = load_settings(home, package, "profiles").identity_rules[-1]

    assert (rule.external_id_type, rule.value_limit, rule.limit_window, rule.enabled) == ("app_id", 9, "monthly", True)


def test_recommended_blocks_can_be_switched_off(home: Home, package: Path) -> None:
    home.config_file.write_text("use_recommended_blocks: false\n")
    (home.rules_dir / "blocked_values.csv").write_text("kind,value\nexact,void\n")

    assert [value.value for value in load_settings(home, package, "profiles").blocked_values] == ["void"]


def test_canonical_text_is_json_that_does_not_depend_on_the_order_of_keys(home: Home, package: Path) -> None:
    home.config_file.write_text("merge_cap: 7\nmapping_cap: 8\n")
    first = load_settings(home, package, "profiles").canonical_text()
    home.config_file.write_text("mapping_cap: 8\nmerge_cap: 7\n")
    second = load_settings(home, package, "profiles").canonical_text()

    assert first == second
    assert json.loads(first)["identity_rules"][0] == {
        "external_id_type": "user_id", "value_limit": 1, "limit_window": "ever", "priority": 1,
        "custom": False, "from_group_traits": True, "normalize": "", "enabled": True,
    }  # fmt: skip


def test_the_shipped_package_loads(home: Home) -> None:
    settings = load_settings(home, project_dir(), "profiles")

    rules = {rule.external_id_type: rule for rule in settings.identity_rules}
    assert (rules["user_id"].value_limit, rules["user_id"].priority) == (1, 1)
    assert (rules["email"].value_limit, rules["email"].priority) == (5, 2)
    assert {value.value for value in settings.blocked_values if value.kind == "exact"} >= {"-1", "null", "anonymous"}


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("merge_cap: 7\nmerge_capp: 8\n", 2, "unknown key `merge_capp`"),
        ("merge_cap: 999999\n", 1, "less than or equal to 999998"),
        ("merge_cap: 0\n", 1, "greater than or equal to 1"),
        ("\n\nmerge_cap: yes\n", 3, "a number is needed"),
        ("default_window: fortnightly\n", 1, "'daily', 'weekly', 'monthly', 'annually' or 'ever'"),
        ("event_filters:\n" + "  - type = 'page'\n" * 11, 1, "11 entries; 10 are allowed"),
        ("event_filters:\n  - type = 'page'\n  - ' '\n", 1, "a filter is blank"),
        ("backfill_months: some\n", 1, "or `all`"),
        ("column_types:\n  pages.price: number\n", 2, "'timestamp', 'integer', 'float', 'boolean' or 'varchar'"),
        ("column_types:\n  price: float\n", 1, "<table>.<column>"),
        ("source_names:\n  web: {nme: Web}\n", 2, "unknown key `source_names.web.nme`"),
        ("identity_rules: []\n", 1, "rules/identity_rules.csv"),
        ("merge_cap: 7\nmerge_cap: 8\n", 2, "given twice (first in line 1)"),
        ("merge_cap: [1\n", 2, "not valid YAML"),
        ("- merge_cap\n", 1, "`key: value`"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_line(
    home: Home, package: Path, text: str, line: int, message: str
) -> None:
    home.config_file.write_text(text)

    with pytest.raises(ConfigError) as refused:
        load_settings(home, package, "profiles")

    assert str(refused.value).startswith(f"{home.config_file}, line {line}: ")
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("external_id_type,value_limit\nphone,0\n", 2, "greater than or equal to 1"),
        ("external_id_type,value_limit\nphone,many\n", 2, "valid integer"),
        ("external_id_type,limit_window\nphone,hourly\n", 2, "'daily', 'weekly', 'monthly', 'annually' or 'ever'"),
        ("external_id_type\nphone\nemail\nphone\n", 4, "given twice (first in line 2)"),
        ("external_id_type\nPhone\n", 2, "lower-case"),
        ("external_id_type,limits\nphone,1\n", 1, "unknown column `limits`"),
        ("value_limit\n1\n", 1, "column `external_id_type` is missing"),
        ("external_id_type,normalize\nphone,trim|upper\n", 2, "unknown normalization `upper`"),
        ("external_id_type,value_limit\nphone\n", 2, "1 cells, the header has 2"),
    ],
)
def test_a_wrong_identity_rule_is_refused_with_its_line(
    home: Home, package: Path, text: str, line: int, message: str
) -> None:
    path = home.rules_dir / "identity_rules.csv"
    path.write_text(text)

    with pytest.raises(ConfigError) as refused:
        load_settings(home, package, "profiles")

    assert str(refused.value).startswith(f"{path}, line {line}: ")
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("kind,value\npattern,(?!test)\n", 2, "the pattern is not understood"),
        ("kind,value\nexact,ok\nregex,a\n", 3, "'exact', 'pattern' or 'zeroes_and_dashes'"),
        ("kind,value\nexact,\n", 2, "the value to block is missing"),
        ("kind,value\nzeroes_and_dashes,0\n", 2, "takes no value"),
    ],
)
def test_a_wrong_blocked_value_is_refused_with_its_line(
    home: Home, package: Path, text: str, line: int, message: str
) -> None:
    path = home.rules_dir / "blocked_values.csv"
    path.write_text(text)

    with pytest.raises(ConfigError) as refused:
        load_settings(home, package, "profiles")

    assert str(refused.value).startswith(f"{path}, line {line}: ")
    assert message in str(refused.value)


def test_a_wrong_default_is_shown_in_the_project(home: Home, package: Path) -> None:
    project = package / "dbt_project.yml"
    project.write_text(project.read_text().replace("merge_cap: 100", "merge_cap: lots"))
    line = next(number for number, text in enumerate(project.read_text().splitlines(), 1) if "merge_cap" in text)

    with pytest.raises(ConfigError, match=rf"dbt_project\.yml, line {line}: `merge_cap` is 'lots'"):
        load_settings(home, package, "profiles")


def test_sources_are_paths_or_mappings(home: Home) -> None:
    home.config_file.write_text(
        "target: duckdb\nspace: shop\nsources:\n  - s3://bucket/x\n  - {path: ./a, source_id: web, slug: w}\n"
    )

    deployment = load_deployment(home)

    assert (deployment.target, deployment.space) == ("duckdb", "shop")
    assert [(source.path, source.source_id, source.slug) for source in deployment.sources] == [
        ("s3://bucket/x", None, None),
        ("./a", "web", "w"),
    ]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("sources:\n  - {folder: ./a}\n", 2, "unknown key `sources.0.folder`"),
        ("sources: ./a\n", 1, "valid list"),
        ("space: My Shop\n", 1, "a space is a schema name"),
    ],
)
def test_a_wrong_deployment_is_refused_with_its_line(home: Home, text: str, line: int, message: str) -> None:
    home.config_file.write_text(text)

    with pytest.raises(ConfigError) as refused:
        load_deployment(home)

    assert str(refused.value).startswith(f"{home.config_file}, line {line}: ")
    assert message in str(refused.value)
