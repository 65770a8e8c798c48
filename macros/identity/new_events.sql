{#- Step 1, the events of this batch and what becomes of each: a message that was seen before is a duplicate (the first one landed stays),
    one that an event filter matches is filtered and counts as not seen. The clock is the running maximum of arrival over the others.
    A rebuild keeps the outcomes of the first time. -#}
{% macro identity_new_events(batch) %}
  with landed as (
    select
      events.event_no,
      events.message_key,
      events.arrival_ms,
      {% if profiles_sync.shadow_suffix() -%}
      earlier.outcome as known_outcome,
      {% endif -%}
      {{ profiles_sync.is_filtered(batch.settings) }} as filtered
    from {{ ref('profiles_sync', 'stg_events') }} as events
    {%- if profiles_sync.shadow_suffix() %}
    left join {{ profiles_sync.live_relation('identity_events') }} as earlier on earlier.event_no = events.event_no
    {%- endif %}
    where events.event_no > {{ batch.after }} and events.event_no <= {{ batch.upto }}
  ),
  firsts as (
    select message_key, min(event_no) as event_no
    from landed
    where filtered = 0
    group by message_key
  ),
  judged as (
    select
      landed.event_no,
      landed.message_key,
      landed.arrival_ms,
      {% if profiles_sync.shadow_suffix() -%}
      case when landed.known_outcome is not null then landed.known_outcome else
      {%- endif %}
      case
        when landed.filtered = 1 then 'filtered'
        when firsts.event_no < landed.event_no or seen.event_no is not null then 'duplicate'
        else 'processed'
      end
      {%- if profiles_sync.shadow_suffix() %} end {%- endif %} as outcome
    from landed
    left join firsts on firsts.message_key = landed.message_key
    left join {{ profiles_sync.contract_relation('seen_messages') }} as seen on seen.message_key = landed.message_key
  )
  select
    event_no,
    message_key,
    outcome,
    max(case when outcome = 'processed' {{ 'and arrival_ms > ' ~ batch.clock_ms if batch.clock_ms is not none }} then arrival_ms
      else cast({{ batch.clock_ms if batch.clock_ms is not none else 'null' }} as bigint) end)
      over (order by event_no rows between unbounded preceding and current row) as clock_ms
  from judged
{% endmacro %}

{#- 1 where an event filter of the space matches. -#}
{% macro is_filtered(settings) %}
  {%- set filters = [] -%}
  {%- for expression in settings.event_filters -%}
    {%- do filters.append('(' ~ expression ~ ')') -%}
  {%- endfor -%}
  {{- return('case when ' ~ (filters | join(' or ') if filters else '1 = 0') ~ ' then 1 else 0 end') -}}
{% endmacro %}
