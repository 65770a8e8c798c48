{#- `work_touches` of a large batch: the identifiers of the active sets. -#}
{% macro identity_touches() %}
  select set_no, rank_no, external_id_type, label, element
  from work_identifiers
  where active = 1 and status = 'ok'
{% endmacro %}

{#- `work_open` of a small batch: those identifiers for each event that carries such a set. -#}
{% macro identity_open_events() %}
  select
    events.event_no,
    events.clock_ms,
    touches.rank_no,
    touches.external_id_type,
    touches.label,
    touches.element
  from work_events as events
  inner join ({{ profiles_sync.identity_touches() }}) as touches on touches.set_no = events.set_no
{% endmacro %}
