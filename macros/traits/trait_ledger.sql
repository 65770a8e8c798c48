{#- Statement of a ledger of traits: what each processed call says about them, under the profile that it went to; or, with `id_field`, under the
    id in that field of the call. `table` is their name in the column registry. -#}
{% macro trait_ledger(table='profile_traits', call_type='identify', id_field=none) %}
{%- set slice = profiles_sync.event_slice() %}
{{ profiles_sync.slice_header(slice) }}
select
  writes.event_no,
  writes.raw_path,
  {{ 'writes.object_id' if id_field else 'outcome.profile_no,\n  outcome.clock_ms' }},
  writes.received_at,
  writes.{{ profiles_sync.quote_column('timestamp') }},
  {{ profiles_sync.write_key('writes') }} as write_key,
  writes.value
from {{ profiles_sync.trait_writes(slice, table, call_type, id_field) }} as writes
inner join {{ profiles_sync.contract_relation('identity_events') }} as outcome
  on outcome.event_no = writes.event_no
  and outcome.event_no > {{ slice.after }}
  and outcome.event_no <= {{ slice.upto }}
  and outcome.outcome = 'processed'
where {{ 'writes.object_id' if id_field else 'outcome.profile_no' }} is not null
{% endmacro %}
