{#- Columns that the registry gives a table, read when the model runs, by name: a list of {`name`, `type` (one of the five Segment types),
    `paths` (lists of keys, container first; the first one wins where a call carries several), `nested` (objects are values too)}. -#}
{% macro registered_columns(table_name) %}
  {%- set columns = [] -%}
  {%- for row in profiles_sync.registry_rows(table_name, 'active') -%}
    {%- if not columns or columns[-1].name != row[0] -%}
      {%- do columns.append({'name': row[0], 'type': row[1], 'paths': [], 'nested': false}) -%}
    {%- endif -%}
    {%- set path = fromjson(row[2]) -%}
    {%- do columns[-1].paths.append(path) -%}
    {%- do columns[-1].update({'nested': columns[-1].nested or profiles_sync.is_deepest(path)}) -%}
  {%- endfor -%}
  {{- return(columns) -}}
{% endmacro %}

{#- Raw paths of a table with a status, each in the form of a column; its name is the raw path as the registry has it. -#}
{% macro registered_paths(table_name, status) %}
  {%- set items = [] -%}
  {%- for row in profiles_sync.registry_rows(table_name, status) -%}
    {%- set path = fromjson(row[2]) -%}
    {%- do items.append({'name': row[2], 'paths': [path], 'nested': profiles_sync.is_deepest(path)}) -%}
  {%- endfor -%}
  {{- return(items) -}}
{% endmacro %}

{#- Rows of the column registry: column_name, data_type, raw_path. -#}
{% macro registry_rows(table_name, status) %}
  {%- if execute -%}
    {{- return(run_query(
      'select column_name, data_type, raw_path from ' ~ profiles_sync.contract_relation('column_registry') ~ ' where table_name = '
      ~ profiles_sync.text_literal(table_name) ~ " and status = '" ~ status ~ "' order by column_name, path_rank, raw_path"
    ).rows) -}}
  {%- endif -%}
  {{- return([]) -}}
{% endmacro %}

{#- Registered columns as the header of a model's statement wants them: name -> type. -#}
{% macro column_types_of(columns) %}
  {%- set types = {} -%}
  {%- for column in columns -%}
    {%- do types.update({column.name: column.type}) -%}
  {%- endfor -%}
  {{- return(types) -}}
{% endmacro %}
