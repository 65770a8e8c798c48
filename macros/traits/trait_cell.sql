{#- What one path says about a trait, as text whose maximum is the newest: the write (28 digits), the path's place among those of one event
    (4, the first is greatest), `=` and the JSON value or `-` for a removal. NULL where a value stands above the trait: it hides nothing.
    `changes` and `columns` are aliases of rows of `profile_trait_changes` and `trait_columns`. -#}
{% macro trait_cell(changes, columns) %}
  {%- set key = profiles_sync.concat_text([changes ~ '.write_key', profiles_sync.zero_padded('9999 - ' ~ columns ~ '.place', 4)]) -%}
  {{- return(
    'case when ' ~ changes ~ '.value is null then ' ~ profiles_sync.concat_text([key, "'-'"])
    ~ ' when ' ~ columns ~ '.is_own = 1 then ' ~ profiles_sync.concat_text([key, "'='", changes ~ '.value']) ~ ' end'
  ) -}}
{% endmacro %}

{#- The JSON value in such a text; NULL when there is none or it was removed. -#}
{% macro trait_cell_value(cell) %}
  {{- return(profiles_sync.json_of_text(
    'case when substring(' ~ cell ~ ", 33, 1) = '=' then substring(" ~ cell ~ ', 34, ' ~ profiles_sync.any_length() ~ ') end'
  )) -}}
{% endmacro %}

{#- A JSON value as the text that user_traits shows: as in a text column, but a point in time always in UTC. A text that ends in Z is that. -#}
{% macro trait_text(value) %}
  {%- set string = profiles_sync.json_string(value) -%}
  {%- set moment = profiles_sync.text_timestamp(string) -%}
  {%- set length = profiles_sync.text_length(string) -%}
  {%- set zone = "case when substring(" ~ string ~ ", " ~ length ~ " - 2, 1) = ':' then 6 else 5 end" -%}
  {%- set fraction = 'substring(' ~ string ~ ', 20, ' ~ length ~ ' - 19 - ' ~ zone ~ ')' -%}
  {{- return(
    'case when ' ~ profiles_sync.json_kind(value) ~ " = 'string' and " ~ moment ~ ' is not null and ' ~ string ~ " not like '%Z' then "
    ~ profiles_sync.concat_text([profiles_sync.timestamp_text(moment), fraction, "'Z'"])
    ~ ' else ' ~ profiles_sync.json_as(value, 'varchar', true) ~ ' end'
  ) -}}
{% endmacro %}
