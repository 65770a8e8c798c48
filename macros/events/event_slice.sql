{#- The events that the model being built has not processed: after its own watermark, up to identity's. Read once, when the model is
    rendered, and carried to the materialization in the statement's first comment (`slice_header`), so that the rows written and the
    watermark moved cannot differ. Returns `after`, `upto` (event numbers: after < event_no <= upto), `known` (the table has a watermark).

    A table with no news for weeks need not look through the weeks: `after` is raised to just below the first event that landed for it
    since (`landed_tables`), when `landed_as` names it there. A table made of another incremental table names that one in `made_of`: it
    does not go further than that one has come. -#}
{% macro event_slice(landed_as=none, made_of=none) %}
  {%- set slice = namespace(after=0, upto=0, known=false) -%}
  {#- Outside of `execute`, for dbt to see the dependency when it parses. -#}
  {%- set resolution = ref('profiles_sync', 'identity_resolution') -%}
  {%- if execute -%}
    {%- set name = profiles_sync.text_literal(profiles_sync.table_name(this)) -%}
    {%- set states = profiles_sync.contract_relation('table_state') -%}
    {%- set found = run_query(
      'select (select max(state.last_event_no) from ' ~ states ~ ' as state where state.table_name = ' ~ name ~ ') as after_no, '
      ~ (
        '(select max(state.last_event_no) from ' ~ states ~ ' as state where state.table_name = ' ~ profiles_sync.text_literal(made_of) ~ ')'
        if made_of else '(select max(done.to_event_no) from ' ~ resolution ~ ' as done)'
      ) ~ ' as upto_no'
    ).rows[0] -%}
    {%- set slice.known = found[0] is not none -%}
    {%- set slice.after = (found[0] or 0) | int -%}
    {%- set slice.upto = (found[1] or 0) | int -%}
    {%- if landed_as and slice.upto > slice.after -%}
      {%- set first = run_query(
        'select min(landed.first_event_no) from ' ~ profiles_sync.contract_relation('landed_tables') ~ ' as landed where landed.table_name = '
        ~ profiles_sync.text_literal(landed_as) ~ ' and landed.last_event_no > ' ~ slice.after
      ).rows[0][0] -%}
      {%- set slice.after = [slice.after, (first | int) - 1 if first is not none else slice.upto] | max -%}
    {%- endif -%}
  {%- endif -%}
  {{- return({'after': slice.after, 'upto': slice.upto, 'known': slice.known}) -}}
{% endmacro %}

{#- First line of an incremental model's statement: the slice; the columns that the table may lack (name -> logical type); and the names of
    all columns of the statement where the table may have more of them (none: the same). -#}
{% macro slice_header(slice, columns={}, names=none) %}
  {{- return('/* profiles_sync ' ~ tojson({'slice': slice, 'columns': columns, 'names': names}) ~ ' */') -}}
{% endmacro %}

{#- The header of a rendered statement as a mapping. -#}
{% macro read_slice_header(statement) %}
  {%- set found = modules.re.search('/\\* profiles_sync (.*?) \\*/', statement) -%}
  {%- if not found -%}
    {{ exceptions.raise_compiler_error(model.name ~ ' must begin with profiles_sync.slice_header(slice)') }}
  {%- endif -%}
  {{- return(fromjson(found.group(1))) -}}
{% endmacro %}
