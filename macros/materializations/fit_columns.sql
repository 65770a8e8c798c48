{#- Makes a table fit the columns that its statement brings: adds those it lacks, widens integer to float. `columns` maps a name to its
    logical type. Returns the names added. -#}
{% macro fit_columns(relation, columns) %}
  {%- set added = [] -%}
  {%- if columns -%}
    {%- set present = {} -%}
    {%- for column in adapter.get_columns_in_relation(relation) -%}
      {%- do present.update({column.name | lower: column}) -%}
    {%- endfor -%}
    {%- for name, type in columns.items() -%}
      {%- if name | lower not in present -%}
        {%- do run_query(
          'alter table ' ~ relation ~ ' add column ' ~ profiles_sync.quote_column(name) ~ ' ' ~ profiles_sync.column_type(type)
        ) -%}
        {%- do added.append(name) -%}
      {%- elif type == 'float' and present[name | lower].is_integer() -%}
        {%- do profiles_sync.widen_column(relation, name) -%}
      {%- endif -%}
    {%- endfor -%}
  {%- endif -%}
  {{- return(added) -}}
{% endmacro %}
