{#- A JSON value as a column of one of the five Segment types; NULL when there is none or it does not fit. What fits: the type's own
    values, integers in a float column, everything but objects in a varchar one (`nested`: objects too, as JSON). -#}
{% macro json_as(value, data_type, nested=false) %}
  {{- return(adapter.dispatch('json_as', 'profiles_sync')(value, data_type, nested)) -}}
{% endmacro %}

{% macro default__json_as(value, data_type, nested) %}
  {%- set kind = profiles_sync.json_kind(value) -%}
  {%- if data_type == 'varchar' -%}
    {{- return('case ' ~ kind
      ~ " when 'string' then " ~ profiles_sync.json_string(value)
      ~ " when 'integer' then " ~ profiles_sync.json_number_text(value, 'integer')
      ~ " when 'float' then " ~ profiles_sync.json_number_text(value, 'float')
      ~ " when 'boolean' then " ~ profiles_sync.json_compact(value)
      ~ " when 'array' then " ~ profiles_sync.json_compact(value)
      ~ (" when 'object' then " ~ profiles_sync.json_compact(value) if nested else '')
      ~ ' end') -}}
  {%- elif data_type == 'integer' -%}
    {{- return('case when ' ~ kind ~ " = 'integer' then " ~ profiles_sync.json_integer(value) ~ ' end') -}}
  {%- elif data_type == 'float' -%}
    {{- return('case when ' ~ kind ~ " in ('integer', 'float') then " ~ profiles_sync.json_number(value) ~ ' end') -}}
  {%- elif data_type == 'boolean' -%}
    {{- return('case when ' ~ kind ~ " = 'boolean' then cast(cast(" ~ value ~ ' as '
      ~ profiles_sync.column_type('text') ~ ') as ' ~ profiles_sync.column_type('boolean') ~ ') end') -}}
  {%- elif data_type == 'timestamp' -%}
    {{- return('case when ' ~ kind ~ " = 'string' then " ~ profiles_sync.text_timestamp(profiles_sync.json_string(value)) ~ ' end') -}}
  {%- else -%}
    {{ exceptions.raise_compiler_error("unknown data type '" ~ data_type ~ "'") }}
  {%- endif -%}
{% endmacro %}

{#- A JSON number as its shortest decimal text: an integer of 64 bits as it is, any other number as the float that it is. -#}
{% macro json_number_text(value, kind) %}
  {%- set float = profiles_sync.number_text(profiles_sync.json_number(value)) -%}
  {%- if kind == 'integer' -%}
    {{- return('coalesce(cast(' ~ profiles_sync.json_integer(value) ~ ' as ' ~ profiles_sync.column_type('text') ~ '), ' ~ float ~ ')') -}}
  {%- else -%}
    {{- return(float) -}}
  {%- endif -%}
{% endmacro %}

{#- No text becomes a boolean there by a cast. -#}
{% macro redshift__json_as(value, data_type, nested) %}
  {%- if data_type == 'boolean' -%}
    {{- return('case ' ~ profiles_sync.json_compact(value) ~ " when 'true' then true when 'false' then false end") -}}
  {%- else -%}
    {{- return(profiles_sync.default__json_as(value, data_type, nested)) -}}
  {%- endif -%}
{% endmacro %}
