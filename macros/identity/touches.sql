{#- The identifiers of the sets that may change something. A set whose identifiers all belong to one profile already changes nothing, now or
    later in the batch: identifiers never leave a profile, and profiles only unite. `element` is what an identifier stands for from here on:
    its owner's profile, or itself while nobody owns it. As `work_touches` in a large batch. -#}
{% macro identity_touches() %}
  select set_no, rank_no, external_id_type, label, element
  from (
    select
      set_no,
      rank_no,
      external_id_type,
      label,
      coalesce(node, label) as element,
      min(coalesce(node, label)) over (partition by set_no) as least_element,
      max(coalesce(node, label)) over (partition by set_no) as greatest_element
    from work_identifiers
    where status = 'ok'
  ) as placed
  where least_element <> greatest_element or {{ profiles_sync.modulo('least_element', profiles_sync.identity_stride()) }} <> 0
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
