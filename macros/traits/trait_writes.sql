{#- Subquery with what the calls of a slice say about traits: a row per event and registered path at which it has a value or null, and one with
    a blank path for each that carries any trait. `value` is JSON text, NULL for null: a null removes the trait, and those below.

    With `id_field`, a field of the call that names what the traits belong to (`userId`, `groupId`), rows carry it as `object_id`, and every
    call has the row with a blank path. -#}
{% macro trait_writes(slice, table='profile_traits', call_type='identify', id_field=none) %}
  {#- Every call has a type. -#}
  {%- set paths = [{'label': '', 'paths': [['type'] if id_field else ['traits']]}] -%}
  {%- set deepest = [] -%}
  {%- set nulls_only = ["''"] -%}
  {%- for status in ['active', 'overflow', 'null'] -%}
    {%- for row in profiles_sync.registry_rows(table, status) if fromjson(row[2])[0] == 'traits' -%}
      {%- set path = fromjson(row[2]) -%}
      {%- do paths.append({'label': row[2], 'paths': [path]}) -%}
      {%- if profiles_sync.is_deepest(path) -%} {%- do deepest.append(profiles_sync.text_literal(row[2])) -%} {%- endif -%}
      {%- if status == 'null' -%} {%- do nulls_only.append(profiles_sync.text_literal(row[2])) -%} {%- endif -%}
    {%- endfor -%}
  {%- endfor -%}
  {%- set carried = ['event_no', 'received_at', 'timestamp'] -%}
  {%- set kept = carried + (['value_0'] if id_field else []) -%}
  {%- set condition = 'landed.event_no > ' ~ slice.after ~ ' and landed.event_no <= ' ~ slice.upto ~ profiles_sync.landing_days('landed', slice) ~ " and landed.type = '" ~ call_type ~ "'" -%}
  {%- set pairs = [] -%}
  {%- for chunk in paths | batch(profiles_sync.select_room() or paths | length) -%}
    {%- set wanted = ([{'paths': [[id_field]]}] if id_field else []) + chunk -%}
    {%- set labels = {} -%}
    {%- for item in chunk -%} {%- do labels.update({'value_' ~ (wanted | length - chunk | length + loop.index0): item.label}) -%} {%- endfor -%}
    {%- do pairs.append(profiles_sync.unpivot(profiles_sync.split_calls(carried, wanted, condition, call_type), kept, labels)) -%}
  {%- endfor -%}
  {%- set kind = profiles_sync.json_kind('long.value') -%}
  (
    select
      {{ profiles_sync.column_list(carried, 'long') }},
      {%- if id_field %}
      {{ profiles_sync.identifier_text('long.' ~ kept[-1]) }} as object_id,
      {%- endif %}
      long.label as raw_path,
      case when long.label <> '' and {{ kind }} <> 'null' then {{ profiles_sync.json_compact('long.value') }} end as value
    from {% if pairs | length == 1 %}{{ pairs[0] }}{% else %}(
      {%- for chunk in pairs %}
      select * from {{ chunk }} as chunk {{ 'union all' if not loop.last }}
      {%- endfor %}
    ){% endif %} as long
    where (long.label = '' and not {{ profiles_sync.json_is_empty('long.value') }})
      or (long.label <> '' and {{ kind }} = 'null')
      or (
        {{ kind }} <> 'null'
        and long.label not in ({{ nulls_only | join(', ') }})
        and ({{ kind }} <> 'object'{% if deepest %} or long.label in ({{ deepest | join(', ') }}){% endif %})
      )
  )
{% endmacro %}
