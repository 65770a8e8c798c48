-- A returned row means: an event below the identity watermark was left out, or one message was processed twice.
-- depends_on: {{ ref('identity_resolution') }}
select cast(events.event_no as {{ profiles_sync.column_type('text') }}) as subject
from {{ ref('stg_events') }} as events
left join {{ source('staging', 'identity_events') }} as outcomes on outcomes.event_no = events.event_no
where outcomes.event_no is null and events.event_no <= (select max(done.to_event_no) from {{ ref('identity_resolution') }} as done)
union all
select events.message_id
from {{ ref('stg_events') }} as events
inner join {{ source('staging', 'identity_events') }} as outcomes on outcomes.event_no = events.event_no
where outcomes.outcome = 'processed'
group by events.message_id
having count(*) > 1
