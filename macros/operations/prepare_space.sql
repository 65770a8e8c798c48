{#- Makes what the parts share and is missing: schemas, contract tables (empty), the engine's extras. Run by landing before its first load
    and at the start of a dbt run. `force` repeats the engine's extras, as does what broke them.

    A space of an older version gets the tables and columns that it lacks. A table that a rebuild makes anew is not guessed at: where it lacks
    a column, only a rebuild (`PROFILES_SYNC_REBUILDS`) goes on, and marks the version at its end. -#}
{% macro prepare_space(force=false) %}
  {%- set version = profiles_sync.space_version() -%}
  {%- set versions = profiles_sync.contract_relation('schema_version') -%}
  {%- set marked = adapter.get_relation(versions.database, versions.schema, versions.identifier) -%}
  {%- set found = (run_query('select max(version) from ' ~ versions).rows[0][0] or 0) | int if marked is not none else 0 -%}
  {%- if found > version -%}
    {{ exceptions.raise_compiler_error(
      "This space was written by a newer Profiles Sync (tables of version " ~ found ~ ", this program knows " ~ version ~ "): upgrade it."
    ) }}
  {%- endif -%}
  {%- set outdated = [] -%}
  {%- if found < version or force or profiles_sync.shadow_suffix() or not profiles_sync.engine_is_prepared() -%}
    {%- for part in [none, 'staging', 'ops'] -%}
      {#- `create schema if not exists` needs the right to create one even where it is there. -#}
      {%- if not adapter.check_schema_exists(target.database, profiles_sync.space_schema(part)) -%}
        {%- do adapter.create_schema(api.Relation.create(database=target.database, schema=profiles_sync.space_schema(part))) -%}
      {%- endif -%}
    {%- endfor -%}
    {%- for name, table in profiles_sync.contract_tables().items() -%}
      {%- set relation = profiles_sync.contract_relation(name) -%}
      {%- if adapter.get_relation(relation.database, relation.schema, relation.identifier) is none -%}
        {%- set columns = [] -%}
        {%- for column, type in table.columns -%}
          {%- do columns.append(profiles_sync.column_definition(column, type)) -%}
        {%- endfor -%}
        {%- set layout = profiles_sync.table_layout(table.key, table.get('indexes'), dict(table.columns), table.get('partition')) -%}
        {%- do run_query('create table ' ~ relation ~ ' (' ~ columns | join(', ') ~ ')' ~ layout) -%}
        {%- do profiles_sync.create_indexes(relation, table.key, table.get('indexes')) -%}
      {%- else -%}
        {%- set present = adapter.get_columns_in_relation(relation) | map(attribute='name') | map('lower') | list -%}
        {%- set missing = {} -%}
        {%- for column, type in table.columns if column not in present -%} {%- do missing.update({column: type}) -%} {%- endfor -%}
        {%- if missing and table.get('rebuilt') -%}
          {%- do outdated.append(name) -%}
        {%- elif missing -%}
          {%- do profiles_sync.add_columns(relation, missing) -%}
        {%- endif -%}
      {%- endif -%}
    {%- endfor -%}
    {%- if outdated and not env_var('PROFILES_SYNC_REBUILDS', '') -%}
      {{ exceptions.raise_compiler_error(
        'This space was written by an older Profiles Sync, whose ' ~ outdated | join(', ')
        ~ ' cannot be carried on: run `profiles-sync rebuild`, which replays the landed events into new tables. Nothing was changed.'
      ) }}
    {%- endif -%}
    {%- do profiles_sync.prepare_engine() -%}
    {%- if not outdated and not profiles_sync.shadow_suffix() -%}
      {%- do profiles_sync.mark_space_version() -%}
    {%- endif -%}
    {%- do profiles_sync.commit() -%}
  {%- endif -%}
{% endmacro %}

{#- Version of the contract tables; raised with every change of them. -#}
{% macro space_version() %}
  {{- return(7) -}}
{% endmacro %}

{#- Says that the space has this version, unless it is said already. -#}
{% macro mark_space_version() %}
  {%- set versions = profiles_sync.contract_relation('schema_version') -%}
  {% call statement('mark_version', auto_begin=true) %}
    insert into {{ versions }} (version, applied_at)
    select {{ profiles_sync.space_version() }}, {{ profiles_sync.now_utc() }}
    from (select count(*) as n from {{ versions }} where version = {{ profiles_sync.space_version() }}) as known
    where known.n = 0
  {% endcall %}
{% endmacro %}
