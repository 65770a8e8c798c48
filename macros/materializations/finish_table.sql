{#- After a table's commit: grants and descriptions when it is new, and its line for the sync's report. -#}
{% macro finish_table(relation, existing, rows, new_columns, more={}) %}
  {%- if existing is none -%}
    {%- do apply_grants(relation, config.get('grants'), should_revoke=false) -%}
    {%- do persist_docs(relation, model) -%}
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
