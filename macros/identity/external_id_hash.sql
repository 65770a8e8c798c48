{#- Segment's hash of an identifier: SHA-1 of type and value without a separator, so two pairs can share one; matching never uses it. -#}
{% macro external_id_hash(alias) %}
  {{- return(profiles_sync.sha1_hex(profiles_sync.concat_text([alias ~ '.external_id_type', alias ~ '.external_id_value']))) -}}
{% endmacro %}
