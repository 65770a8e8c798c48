{#- A rebuild: with PROFILES_SYNC_SHADOW set, `prepare_rebuild`, then `dbt run`, then `finish_rebuild`. The live tables are read and written
    by nobody meanwhile, and stay as they are when it fails. At the end, `dbt run` of the views that it left to be made anew. -#}

{#- Pairs of (live, shadow) relations of everything that a rebuild replays. -#}
{% macro rebuilt_relations() %}
  {%- set suffix = profiles_sync.shadow_suffix() -%}
  {%- if not suffix -%}
    {{ exceptions.raise_compiler_error('PROFILES_SYNC_SHADOW is not set: `profiles-sync rebuild` sets it.') }}
  {%- endif -%}
  {%- set shadows = [] -%}
  {%- for name, table in profiles_sync.contract_tables().items() if table.get('rebuilt') -%}
    {%- do shadows.append(profiles_sync.contract_relation(name)) -%}
  {%- endfor -%}
  {%- for node in graph.nodes.values()
      if node.resource_type == 'model' and node.package_name == 'profiles_sync' and node.config.materialized != 'view' -%}
    {%- do shadows.append(api.Relation.create(database=node.database, schema=node.schema, identifier=node.alias, type='table')) -%}
  {%- endfor -%}
  {%- set pairs = [] -%}
  {%- for shadow in shadows -%}
    {%- set live = api.Relation.create(
      database=shadow.database, schema=shadow.schema, identifier=profiles_sync.table_name(shadow), type='table'
    ) -%}
    {%- do pairs.append((live, shadow)) -%}
  {%- endfor -%}
  {{- return(pairs) -}}
{% endmacro %}

{#- Removes what an interrupted rebuild left, and makes the contract tables anew, empty. -#}
{% macro prepare_rebuild() %}
  {%- for live, shadow in profiles_sync.rebuilt_relations() -%}
    {%- if adapter.get_relation(shadow.database, shadow.schema, shadow.identifier) is not none -%}
      {%- do adapter.drop_relation(shadow) -%}
    {%- endif -%}
  {%- endfor -%}
  {%- do profiles_sync.prepare_space() -%}
  {%- do run_query('delete from ' ~ profiles_sync.contract_relation('rebuild_swap') ~ ' where started_at is not null') -%}
  {%- do profiles_sync.commit() -%}
{% endmacro %}

{#- Puts the replayed tables in the place of the live ones, all in one transaction where the engine has transactions for that. Where it goes table
    by table, a row of `rebuild_swap` says that it has begun; called again after it was cut short, it swaps what is left. -#}
{% macro finish_rebuild() %}
  {%- do profiles_sync.hold_lease() -%}
  {%- set swap = profiles_sync.contract_relation('rebuild_swap') -%}
  {%- set begun = run_query('select max(with_current_rules) from ' ~ swap).rows[0][0] -%}
  {%- set with_current_rules = var('with_current_rules', false) if begun is none else begun | int == 1 -%}
  {%- if begun is none -%}
    {%- do run_query(
      'insert into ' ~ swap ~ ' (with_current_rules, started_at) select ' ~ (1 if with_current_rules else 0) ~ ', ' ~ profiles_sync.now_utc()
    ) -%}
  {%- endif -%}
  {%- for live, shadow in profiles_sync.rebuilt_relations() -%}
    {%- if adapter.get_relation(shadow.database, shadow.schema, shadow.identifier) is not none -%}
      {#- A sync that took over meanwhile goes on with the swap. -#}
      {%- do profiles_sync.hold_lease() -%}
      {%- do profiles_sync.replace_table(live, shadow) -%}
    {%- endif -%}
  {%- endfor -%}
  {#- It reads the shadows. That of the live tables is for the model to make anew, for some engines drop a view with its tables. -#}
  {%- set health = adapter.get_relation(
    target.database, profiles_sync.space_schema('ops'), 'identity_health' ~ profiles_sync.shadow_suffix()
  ) -%}
  {%- if health is not none -%} {%- do adapter.drop_relation(health) -%} {%- endif -%}
  {#- A table that was switched off and has not been replayed may show what was erased since. -#}
  {%- if not profiles_sync.has_users_and_accounts() -%}
    {%- for name, part in {'users': none, 'accounts': none, 'user_id_traits': 'staging', 'group_id_traits': 'staging'}.items() -%}
      {%- set left = adapter.get_relation(target.database, profiles_sync.space_schema(part), name) -%}
      {%- if left is not none -%} {%- do adapter.drop_relation(left) -%} {%- endif -%}
    {%- endfor -%}
  {%- endif -%}
  {%- if with_current_rules -%} {%- do profiles_sync.record_current_rules() -%} {%- endif -%}
  {%- do profiles_sync.mark_space_version() -%}
  {%- do run_query('delete from ' ~ swap ~ ' where started_at is not null') -%}
  {%- do profiles_sync.commit() -%}
{% endmacro %}
