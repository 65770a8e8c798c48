{#- Columns that the registry gives a table, read when the model runs, by name: a list of {`name`, `type` (one of the five Segment types),
    `paths` (lists of keys, container first; the first one wins where a call carries several), `raw_paths` (the same as the registry has
    them), `nested` (objects are values too), `misfits` (some value did not fit the type)}. -#}
{% macro registered_columns(table_name) %}
  {%- set columns = [] -%}
  {%- for row in profiles_sync.registry_rows(table_name, 'active') -%}
    {%- if not columns or columns[-1].name != row[0] -%}
      {%- do columns.append({'name': row[0], 'type': row[1], 'paths': [], 'raw_paths': [], 'nested': false, 'misfits': false}) -%}
    {%- endif -%}
    {%- set column = columns[-1] -%}
    {%- set path = fromjson(row[2]) -%}
    {%- do column.paths.append(path) -%}
    {%- do column.raw_paths.append(row[2]) -%}
    {%- do column.update({
      'nested': column.nested or profiles_sync.is_deepest(path),
      'misfits': column.misfits or (row[3] | int > 0 and row[1] != 'varchar'),
    }) -%}
  {%- endfor -%}
  {{- return(columns) -}}
{% endmacro %}

{#- Rows of the column registry: column_name, data_type, raw_path, misfits. Those of all tables that the run builds are read at once. -#}
{% macro registry_rows(table_name, status) %}
  {%- if not execute -%} {{- return([]) -}} {%- endif -%}
  {%- set memory = profiles_sync.run_memory() -%}
  {%- if table_name not in memory.get('registry', {}) -%}
    {%- set built = profiles_sync.tables_built() -%}
    {%- set wanted = [table_name] if 'registry' in memory or table_name not in built else built -%}
    {%- set registry, literals = {}, [] -%}
    {%- for name in wanted -%}
      {%- do registry.update({name: {}}) -%}
      {%- do literals.append(profiles_sync.text_literal(name)) -%}
    {%- endfor -%}
    {%- for row in run_query(
      'select table_name, status, column_name, data_type, raw_path, misfits from ' ~ profiles_sync.contract_relation('column_registry')
      ~ ' where table_name in (' ~ literals | join(', ') ~ ') order by column_name, path_rank, raw_path'
    ).rows -%}
      {%- do registry[row[0]].setdefault(row[1], []).append([row[2], row[3], row[4], row[5]]) -%}
    {%- endfor -%}
    {%- do memory.setdefault('registry', {}).update(registry) -%}
  {%- endif -%}
  {{- return(memory.registry[table_name].get(status, [])) -}}
{% endmacro %}

{#- Names of the tables that the run in progress builds. -#}
{% macro tables_built() %}
  {%- set names = [] -%}
  {%- for unique_id in selected_resources if unique_id.startswith('model.') -%}
    {%- do names.append(profiles_sync.table_name({'identifier': graph.nodes[unique_id].alias})) -%}
  {%- endfor -%}
  {{- return(names) -}}
{% endmacro %}

{#- Registered columns as the header of a model's statement wants them: name -> type. -#}
{% macro column_types_of(columns) %}
  {%- set types = {} -%}
  {%- for column in columns -%}
    {%- do types.update({column.name: column.type}) -%}
  {%- endfor -%}
  {{- return(types) -}}
{% endmacro %}
