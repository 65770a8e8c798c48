"""The second step: dbt's models, each an asset in the group that a sync counts it in."""

# No postponed annotations here: Dagster reads them as objects.
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, build_dbt_asset_specs

from profiles_sync.sync.checks import DESCRIPTIONS, checks_of
from profiles_sync.sync.session import Session

# As the generated models name it.
EVENT_GROUP = "events"


class Translator(DagsterDbtTranslator):
    """Names assets as the warehouse does: `pages`, `staging/raw_events`."""

    def __init__(self) -> None:
        # dbt's tests are not run by a sync; `verify` reports them.
        super().__init__(DagsterDbtTranslatorSettings(enable_asset_checks=False))

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """Return schema and table, the space's own schema left out."""
        if dbt_resource_props["resource_type"] == "source":
            return dg.AssetKey([dbt_resource_props["source_name"], dbt_resource_props["name"]])
        schema = dbt_resource_props["config"].get("schema")
        table = dbt_resource_props.get("alias") or dbt_resource_props["name"]
        return dg.AssetKey([schema, table] if schema else [table])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """Return the group that the model's `meta` names, else its folder."""
        folders = dbt_resource_props["fqn"][1:-1]
        return super().get_group_name(dbt_resource_props) or (str(folders[0]) if folders else None)

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """Return the model's description, without its SQL."""
        return str(dbt_resource_props.get("description") or "")


def without_track_events(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return a manifest without the models of track events, and without the tests of all models."""
    translator = Translator()
    nodes = {
        unique_id: node
        for unique_id, node in manifest["nodes"].items()
        if node["resource_type"] != "test" and translator.get_group_name(node) != EVENT_GROUP
    }
    left_out = manifest["nodes"].keys() - nodes.keys()
    children = {
        unique_id: [child for child in children if child not in left_out]
        for unique_id, children in manifest["child_map"].items()
        if unique_id not in left_out
    }
    return {**manifest, "nodes": nodes, "child_map": children}


def rule_assets(manifest: Mapping[str, Any]) -> list[dg.AssetSpec]:
    """Return the rule files that models read, which a sync does not build."""
    translator = Translator()
    return [
        translator.get_asset_spec(manifest, unique_id, None).replace_attributes(group_name="settings", deps=[])
        for unique_id, node in manifest["nodes"].items()
        if node["resource_type"] == "seed"
    ]


def row_checks(manifest: Mapping[str, Any]) -> list[dg.AssetCheckSpec]:
    """Return the checks of the rows of a sync, for each public table."""
    translator = Translator()
    return [
        dg.AssetCheckSpec(name, asset=translator.get_asset_key(node), description=DESCRIPTIONS[name])
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["config"].get("unique_key")
        for name in checks_of(node["alias"], node["config"].get("meta", {}).get("sync_group"))
    ]


def table_assets(manifest: Mapping[str, Any]) -> dg.AssetsDefinition:
    """Return the models of a manifest as assets that one dbt invocation builds, each with the checks of its rows.

    Not the dbt component of newer Dagster: it works on a copy of the project, and ours grows during a run. Not
    `dbt_assets`: its checks are dbt's tests, which read whole tables.
    """
    translator = Translator()

    @dg.multi_asset(
        name="tables",
        specs=build_dbt_asset_specs(manifest=manifest, select="resource_type:model", dagster_dbt_translator=translator),
        check_specs=row_checks(manifest),
        can_subset=True,
    )
    def tables(
        context: dg.AssetExecutionContext, session: dg.ResourceParam[Session]
    ) -> Iterator[dg.Output[None] | dg.AssetMaterialization | dg.AssetCheckResult]:
        with session.step(context) as work:
            if work:
                yield from session.build(context, translator)

    return tables
