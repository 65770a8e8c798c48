{#- Sortable place of a row in the history of the space, 31 digits: clock (13), event (12), place within the event (6). -#}
{% macro seq(alias) %}
  {{- return(profiles_sync.concat_text([
    profiles_sync.zero_padded(alias ~ '.clock_ms', 13), profiles_sync.zero_padded(alias ~ '.event_no', 12), profiles_sync.zero_padded(alias ~ '.row_no', 6)
  ])) -}}
{% endmacro %}
