{#- Physical help for a table just made: its key (a column, or a list of them), and further indexes (lists of columns), where the engine has
    such things. -#}
{% macro create_indexes(relation, key, indexes) %}
  {%- set key = [key] if key is string else key -%}
  {{- return(adapter.dispatch('create_indexes', 'profiles_sync')(relation, key, indexes)) -}}
{% endmacro %}

{#- A columnar engine finds rows by zone maps; an index there costs every insert. -#}
{% macro default__create_indexes(relation, key, indexes) %}
{% endmacro %}

{#- Names that Postgres makes up are cut at 63 characters, and two tables made side by side could get the same one. The run is part of the
    name, since a rebuild makes its tables beside indexes of earlier ones. -#}
{% macro postgres__create_indexes(relation, key, indexes) %}
  {%- for columns in ([key] if key else []) + (indexes or []) -%}
    {%- set of_its_own = local_md5([relation.identifier, columns | join(','), invocation_id] | join('|'))[:8] -%}
    {%- set name = relation.identifier[:50] ~ '_' ~ of_its_own ~ '_idx' -%}
    {%- do run_query(
      'create ' ~ ('unique ' if key and loop.first else '') ~ 'index ' ~ adapter.quote(name) ~ ' on ' ~ relation
      ~ ' (' ~ profiles_sync.column_list(columns) ~ ')'
    ) -%}
  {%- endfor -%}
{% endmacro %}

{#- Event tables are clustered by arrival, others by their key, so far as an index can hold its columns. Only a key without text is unique:
    blanks at the end of a text do not count there. -#}
{% macro sqlserver__create_indexes(relation, key, indexes) %}
  {%- set types = {} -%}
  {%- for column in adapter.get_columns_in_relation(relation) -%}
    {%- do types.update({column.name: column}) -%}
  {%- endfor -%}
  {%- set wanted = [['received_at'] + key] if ['received_at'] in (indexes or []) else ([key] if key else []) -%}
  {%- for columns in indexes or [] if columns != ['received_at'] -%}
    {%- do wanted.append(columns) -%}
  {%- endfor -%}
  {%- for columns in wanted -%}
    {%- set fitting = profiles_sync.indexable_columns(columns, types, 900 if loop.first else 1700) -%}
    {%- set unique = fitting.names == key and not fitting.text -%}
    {%- if fitting.names -%}
      {%- do run_query(
        'create ' ~ ('unique ' if unique else '') ~ ('clustered ' if loop.first else '') ~ 'index ix_' ~ loop.index ~ ' on ' ~ relation
        ~ ' (' ~ profiles_sync.column_list(fitting.names) ~ ')'
      ) -%}
    {%- endif -%}
  {%- endfor -%}
{% endmacro %}

{#- The first of some columns that an index of so many bytes can hold, and whether there is text among them. -#}
{% macro indexable_columns(columns, types, most) %}
  {%- set found = namespace(names=[], bytes=0, text=false, full=false) -%}
  {%- for name in columns if not found.full -%}
    {%- set size = (types[name].char_size or 8) | int -%}
    {%- if size < 0 or found.bytes + size > most -%}
      {%- set found.full = true -%}
    {%- else -%}
      {%- set found.names = found.names + [name] -%}
      {%- set found.bytes = found.bytes + size -%}
      {%- set found.text = found.text or types[name].is_string() -%}
    {%- endif -%}
  {%- endfor -%}
  {{- return({'names': found.names, 'text': found.text}) -}}
{% endmacro %}

{#- No indexes there; see `table_layout`. -#}
{% macro redshift__create_indexes(relation, key, indexes) %}
{% endmacro %}
