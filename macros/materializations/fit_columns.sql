{#- Makes a table fit the columns that its statement brings: adds those it lacks, widens integer to float. `columns` maps a name to its
    logical type. Returns the names added. -#}
{% macro fit_columns(relation, columns) %}
  {%- set added = {} -%}
  {%- if columns -%}
    {%- set present = {} -%}
    {%- for column in adapter.get_columns_in_relation(relation) -%}
      {%- do present.update({column.name | lower: column}) -%}
    {%- endfor -%}
    {%- for name, type in columns.items() -%}
      {%- if name | lower not in present -%}
        {%- do added.update({name: type}) -%}
      {#- An integer of Snowflake is a NUMBER without fraction, for dbt a numeric. -#}
      {%- elif type == 'float' and (present[name | lower].is_integer() or present[name | lower].is_numeric()) -%}
        {%- do profiles_sync.widen_column(relation, name) -%}
      {%- endif -%}
    {%- endfor -%}
  {%- endif -%}
  {%- if added -%} {%- do profiles_sync.add_columns(relation, added) -%} {%- endif -%}
  {{- return(added.keys() | list) -}}
{% endmacro %}
