{#- After a public table was built: its view `<table>_view` with the rows of the last days by receipt, where the setting asks for it and the
    table has `received_at`. Segment has such views on BigQuery, where its tables hold duplicates; ours hold none. -#}
{% macro keep_view(relation) %}
  {{- return(adapter.dispatch('keep_view', 'profiles_sync')(relation)) -}}
{% endmacro %}

{% macro default__keep_view(relation) %}
{% endmacro %}

{#- Replaced each time, for the table may have new columns, and the number of days may have changed. -#}
{% macro bigquery__keep_view(relation) %}
  {%- set wanted = profiles_sync.setting_periods('bigquery_compat_views') -%}
  {%- if wanted and wanted[-1].value and adapter.get_columns_in_relation(relation) | selectattr('name', 'equalto', 'received_at') | list -%}
    {%- set view = relation.incorporate(path={'identifier': relation.identifier ~ '_view'}, type='view') -%}
    {%- set present = load_cached_relation(view) -%}
    {%- if present is none or present.is_view -%}
      {% call statement('keep_view') %}
        create or replace view {{ view }} as
        select * from {{ relation }}
        where received_at >= timestamp_sub(current_timestamp(), interval {{ profiles_sync.setting_periods('view_days')[-1].value }} day)
      {% endcall %}
    {%- endif -%}
  {%- endif -%}
{% endmacro %}
