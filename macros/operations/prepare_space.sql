{#- Makes what the parts share and is missing: schemas, contract tables (empty), the engine's extras. Run by landing before its first load
    and at the start of a dbt run. `force` repeats the engine's extras. -#}
{% macro prepare_space(force=false) %}
  {%- set version = 2 -%}
  {%- set versions = profiles_sync.contract_relation('schema_version') -%}
  {%- set marked = adapter.get_relation(versions.database, versions.schema, versions.identifier) -%}
  {%- set found = (run_query('select max(version) from ' ~ versions).rows[0][0] or 0) | int if marked is not none else 0 -%}
  {%- if found > version -%}
    {{ exceptions.raise_compiler_error(
      "This space was written by a newer Profiles Sync (tables of version " ~ found ~ ", this program knows " ~ version ~ "): upgrade it."
    ) }}
  {%- endif -%}
  {%- if found < version or force or profiles_sync.shadow_suffix() -%}
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
      {%- endif -%}
    {%- endfor -%}
    {%- do profiles_sync.prepare_engine() -%}
    {%- if found < version -%}
      {% call statement('mark_version') %}
        insert into {{ versions }} (version, applied_at) select {{ version }}, {{ profiles_sync.now_utc() }}
      {% endcall %}
    {%- endif -%}
    {%- do profiles_sync.commit() -%}
  {%- endif -%}
{% endmacro %}
