{#- Step 1, `work_events`: the events of the batch, what becomes of each, and what it carries. The clock is the running maximum of arrival.
    `set_no` is the first event that carries the same values: only that one has them here, as value_0, value_1, … of the `locations`. -#}
{% macro identity_new_events(batch, locations) %}
  {%- set columns = [] -%}
  {%- for location in locations -%} {%- do columns.append('value_' ~ loop.index0) -%} {%- endfor -%}
  {%- do columns.append('external_ids') -%}
  {%- set shadow = profiles_sync.shadow_suffix() -%}
  {%- set within = 'events.event_no > ' ~ batch.after ~ ' and events.event_no <= ' ~ batch.upto ~ profiles_sync.landing_days('events', batch) -%}
  with landed as (
    select
      events.event_no,
      events.message_key,
      events.arrival_ms,
      {{ profiles_sync.is_filtered(batch.settings) }} as filtered
    from {{ ref('profiles_sync', 'stg_events') }} as events
    where {{ within }}
  ),
  repeated as (
    select message_key, min(event_no) as event_no
    from landed
    where filtered = 0
    group by message_key
    having count(*) > 1
  ),
  judged as (
    {#- Of a message only the first one landed counts; a filtered one counts as not seen; a rebuild keeps the outcomes of the first time. #}
    select
      landed.event_no,
      landed.message_key,
      landed.arrival_ms,
      {{ 'case when earlier.outcome is not null then earlier.outcome else' if shadow }}
      case
        when landed.filtered = 1 then 'filtered'
        when repeated.event_no < landed.event_no or seen.event_no is not null then 'duplicate'
        else 'processed'
      end
      {{ 'end' if shadow }} as outcome
    from landed
    left join repeated on repeated.message_key = landed.message_key
    left join {{ profiles_sync.contract_relation('seen_messages') }} as seen on seen.message_key = landed.message_key
    {%- if shadow %}
    left join {{ profiles_sync.live_relation('identity_events') }} as earlier
      on earlier.event_no = landed.event_no and earlier.event_no > {{ batch.after }} and earlier.event_no <= {{ batch.upto }}
    {%- endif %}
  ),
  clocked as (
    select
      event_no,
      message_key,
      outcome,
      max(
        case
          when outcome = 'processed' {{ 'and arrival_ms > coalesce(' ~ batch.clock_ms ~ ', 0)' if batch.clock_ms is not none }} then arrival_ms
          else {{ batch.clock_ms if batch.clock_ms is not none else 'cast(null as ' ~ profiles_sync.column_type('bigint') ~ ')' }}
        end
      ) over (order by event_no rows between unbounded preceding and current row) as clock_ms
    from judged
  ),
  {{ profiles_sync.call_values(batch, locations, columns, within) }},
  carried as (
    select
      clocked.event_no,
      clocked.message_key,
      clocked.outcome,
      clocked.clock_ms,
      case when clocked.outcome = 'processed' then calls.spelled end as spelled,
      {{ profiles_sync.column_list(columns, 'calls') }}
    from clocked
    inner join calls on calls.event_no = clocked.event_no
  ),
  sets as (
    select spelled, min(event_no) as set_no
    from carried
    where outcome = 'processed'
    group by spelled
  )
  select
    carried.event_no,
    carried.message_key,
    carried.outcome,
    carried.clock_ms,
    sets.set_no
    {%- for column in columns %},
    case when sets.set_no = carried.event_no then carried.{{ column }} end as {{ column }}
    {%- endfor %}
  from carried
  left join sets on sets.spelled = carried.spelled
{% endmacro %}

{#- 1 where an event filter of the space matches. -#}
{% macro is_filtered(settings) %}
  {%- set filters = [] -%}
  {%- for expression in settings.event_filters -%}
    {%- do filters.append('(' ~ expression ~ ')') -%}
  {%- endfor -%}
  {{- return('case when ' ~ (filters | join(' or ') if filters else '1 = 0') ~ ' then 1 else 0 end') -}}
{% endmacro %}
