-- A returned row means: a track event's table lacks processed calls that it should have by now, has others, or has one twice.
-- depends_on: {{ ref('tracks') }}
-- depends_on: {{ ref('stg_events') }}
{%- set opted_out = profiles_sync.setting_periods('honor_warehouse_opt_out') | selectattr('value') | list %}
{%- set tables = [] %}
{%- if execute %}
  {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.config.get('meta', {}).get('sync_group') == 'event' %}
    {%- set relation = adapter.get_relation(node.database, node.schema, node.alias) %}
    {%- if relation is not none %} {%- do tables.append((profiles_sync.table_name(relation), relation)) %} {%- endif %}
  {%- endfor %}
{%- endif %}
{%- for name, relation in tables %}
select '{{ name }}' as subject, coalesce(calls.message_id, found.id) as id
from (
  select events.message_id
  from {{ ref('stg_events') }} as events
  inner join {{ source('staging', 'identity_events') }} as outcomes on outcomes.event_no = events.event_no
  where outcomes.outcome = 'processed' and events.event_slug = '{{ name }}'
    and {{ profiles_sync.is_due(name, 'events') }}
) as calls
full outer join (select id, count(*) as n from {{ relation }} group by id) as found on found.id = calls.message_id
where calls.message_id is null or found.n > 1 {{ 'or found.id is null' if not opted_out }}
{{ 'union all' if not loop.last }}
{%- else %}
select id as subject, id from {{ ref('tracks') }} where 1 = 0
{%- endfor %}
