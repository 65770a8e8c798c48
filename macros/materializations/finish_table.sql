{#- After a table's commit: grants and descriptions when it is new, its view where one is asked for, its line for the sync's report, and its result for dbt.

    dbt writes a statement called `main` to a file, which for a model outside of the project, with an absolute path, is the model itself. So
    ours have other names, and the result is stored without one. -#}
{% macro finish_table(relation, existing, rows, new_columns, more={}) %}
  {%- set written = rows.inserted + rows.updated + rows.deleted -%}
  {%- do store_raw_result(name='main', message='WROTE ' ~ written, code='WROTE', rows_affected=written) -%}
  {%- if existing is none -%}
    {%- do apply_grants(relation, config.get('grants'), should_revoke=false) -%}
    {%- do persist_docs(relation, model) -%}
  {%- endif -%}
  {%- if relation.schema == profiles_sync.space_schema() and not profiles_sync.shadow_suffix() -%}
    {%- do profiles_sync.keep_view(relation) -%}
  {%- endif -%}
  {%- set report = {
    'table': profiles_sync.table_name(this),
    'group': config.get('meta', {}).get('sync_group'),
    'unique_id': model.unique_id,
    'inserted': rows.inserted,
    'updated': rows.updated,
    'deleted': rows.deleted,
    'new_columns': new_columns,
  } -%}
  {%- do report.update(more) -%}
  {%- do log('PROFILES_SYNC ' ~ tojson(report), info=true) -%}
{% endmacro %}
