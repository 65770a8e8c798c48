{#- The latest status of each subscription, of the track event whose table is `sample_subscription_table` (subscription_updated): the column
    `sample_subscription_status` (status) for each value of `sample_subscription_id` (`_id`: a property `id` lands there, `id` is the message's). -#}
{%- set subscription_id = 'updates.' ~ profiles_sync.quote_column(var('sample_subscription_id', '_id')) %}
{%- set status = 'updates.' ~ profiles_sync.quote_column(var('sample_subscription_status', 'status')) %}
select
  seen.canonical_segment_id,
  seen.subscription_id,
  seen.status,
  seen.updated_at
from (
  select
    ids.canonical_segment_id,
    {{ subscription_id }} as subscription_id,
    {{ status }} as status,
    updates.{{ profiles_sync.quote_column('timestamp') }} as updated_at,
    row_number() over (
      partition by ids.canonical_segment_id, {{ subscription_id }}
      order by updates.{{ profiles_sync.quote_column('timestamp') }} desc, updates.id
    ) as age
  from {{ profiles_sync.space_table(var('sample_subscription_table', 'subscription_updated')) }} as updates
  inner join {{ ref('profiles_sync', 'id_graph') }} as ids on ids.segment_id = updates.segment_id
) as seen
where seen.age = 1
order by seen.canonical_segment_id, seen.subscription_id
