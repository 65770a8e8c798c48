{#- Subquery with the calls that `condition` (on `landed`) chooses, each payload parsed once: the columns `carried` of raw_events, and for each
    item of `wanted` the JSON value at its paths as `value_0`, `value_1`, … An item is a mapping with `paths`, lists of keys below and with
    their container; of several the first with a value counts, and there null and objects are no values.

    The container `traits` is the call's traits object: an identify without one has it in its context. The path of the container alone is
    the object as a whole. Parts of `overflow_members` that are `beyond` become the column of that name. -#}
{% macro split_calls(carried, wanted, condition, call_type, beyond=[]) %}
  {%- set documents = {'payload': [], 'traits': [], 'of_traits': false} -%}
  {%- set values = [] -%}
  {%- for item in wanted -%}
    {%- set candidates = [] -%}
    {%- for path in item.paths -%}
      {%- set value = profiles_sync.call_value(documents, call_type, path) -%}
      {%- if item.paths | length == 1 -%}
        {%- do candidates.append(value) -%}
      {%- else -%}
        {%- do candidates.append('case when ' ~ profiles_sync.is_value(value, profiles_sync.is_deepest(path)) ~ ' then ' ~ value ~ ' end') -%}
      {%- endif -%}
    {%- endfor -%}
    {%- do values.append(candidates[0] if candidates | length == 1 else 'coalesce(' ~ candidates | join(', ') ~ ')') -%}
  {%- endfor -%}
  {%- set members = [] -%}
  {%- for part in beyond -%}
    {%- set value = profiles_sync.call_value(documents, call_type, part.path) -%}
    {%- do members.append(profiles_sync.overflow_member(part, value, values[part.place - 1] if part.column else none, 'parsed')) -%}
  {%- endfor -%}
  {%- set raw_events = profiles_sync.contract_relation('raw_events') -%}
  (
    select
      {{ profiles_sync.column_list(carried, 'parsed') }}
      {%- for value in values %},
      {{ value }} as value_{{ loop.index0 }}
      {%- endfor %}
      {%- if members %},
      {{ profiles_sync.joined_members(members) }} as beyond
      {%- endif %}
    from (
      select
        {{ profiles_sync.column_list(carried, 'calls') }},
        calls.payload,
        {{ profiles_sync.json_paths('calls.payload', documents.payload) if documents.payload else 'calls.payload' }} as payload_values
        {%- if documents.of_traits %},
        calls.traits,
        {{ profiles_sync.json_paths('calls.traits', documents.traits) if documents.traits else 'calls.traits' }} as traits_values
        {%- endif %}
      from (
        {%- if documents.of_traits %}
        {%- set places = [['traits'], ['context', 'traits']] %}
        {%- set proper = profiles_sync.json_path_value('found.places', places, 0, 'found.payload') %}
        {%- set other = profiles_sync.json_path_value('found.places', places, 1, 'found.payload') %}
        select
          {{ profiles_sync.column_list(carried, 'found') }},
          found.payload,
          case
            when {{ profiles_sync.json_kind(proper) }} = 'object' then {{ proper }}
            when {{ profiles_sync.json_kind(other) }} = 'object' then {{ other }}
          end as traits
        from (
          select
            {{ profiles_sync.column_list(carried, 'landed') }},
            landed.payload,
            {{ profiles_sync.json_paths('landed.payload', places) }} as places
          from {{ raw_events }} as landed
          where {{ condition }}
          {{ profiles_sync.evaluate_once() }}
        ) as found
        {%- else %}
        select {{ profiles_sync.column_list(carried, 'landed') }}, landed.payload from {{ raw_events }} as landed
        where {{ condition }}
        {%- endif %}
        {{ profiles_sync.evaluate_once() }}
      ) as calls
      {{ profiles_sync.evaluate_once() }}
    ) as parsed
    {{ profiles_sync.evaluate_once() }}
  )
{% endmacro %}

{#- Whether an object at this path is one value: ten keys below the container is as deep as landing flattens. -#}
{% macro is_deepest(path) %}
  {{- return(path | length > 10) -}}
{% endmacro %}

{#- The value at a path of a call. -#}
{% macro call_value(documents, call_type, path) %}
  {%- if call_type == 'identify' and path[0] == 'traits' -%}
    {%- do documents.update({'of_traits': true}) -%}
    {{- return(profiles_sync.value_at(documents, 'traits', path[1:])) -}}
  {%- endif -%}
  {{- return(profiles_sync.value_at(documents, 'payload', path)) -}}
{% endmacro %}

{#- The value at a path of one of the documents, whose path goes into the list of those to be taken out of it. A key that is a number
    would also find an item of an array, so what it stands in must be an object; Postgres reads ` +0` as one too. -#}
{% macro value_at(documents, document, path) %}
  {%- if not path -%}
    {{- return('parsed.' ~ document) -}}
  {%- endif -%}
  {%- set paths = documents[document] -%}
  {%- do paths.append(path) -%}
  {%- set values = 'parsed.' ~ document ~ '_values' -%}
  {%- set value = profiles_sync.json_path_value(values, paths, paths | length - 1, 'parsed.' ~ document) -%}
  {%- set conditions = [] -%}
  {%- for key in path -%}
    {%- if not loop.first and modules.re.match('\\s*[-+]?[0-9]+$', key) -%}
      {%- do paths.append(path[:loop.index0]) -%}
      {%- do conditions.append(profiles_sync.json_kind(profiles_sync.json_path_value(values, paths, paths | length - 1)) ~ " = 'object'") -%}
    {%- endif -%}
  {%- endfor -%}
  {{- return('case when ' ~ conditions | join(' and ') ~ ' then ' ~ value ~ ' end' if conditions else value) -}}
{% endmacro %}
