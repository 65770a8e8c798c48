{#- The model's watermark, inside the transaction of its rows. The greatest number of a table counts. -#}
{% macro move_watermark(slice, transaction) %}
  {{- return(adapter.dispatch('move_watermark', 'profiles_sync')(slice, transaction)) -}}
{% endmacro %}

{% macro default__move_watermark(slice, transaction) %}
  {%- if slice.known -%}
    {%- set lease = profiles_sync.lease_in_statement() -%}
    {% call profiles_sync.write_step(transaction, 'move_watermark') %}
      update {{ profiles_sync.contract_relation('table_state') }} set last_event_no = {{ slice.upto }}, received_from = {{ profiles_sync.timestamp_literal(slice.received_from) }}, uuid_ts = {{ profiles_sync.sync_uuid_ts() }}
      where table_name = {{ profiles_sync.text_literal(profiles_sync.table_name(this)) }}{{ ' and exists (' ~ lease ~ ')' if lease }}
    {% endcall %}
    {%- do profiles_sync.lease_held_by(transaction, 'move_watermark') -%}
  {%- else -%}
    {%- do profiles_sync.add_watermark(slice, transaction) -%}
  {%- endif -%}
{% endmacro %}

{#- Of two transactions there that update a table, one is refused, whichever rows they touch; insertions never are. `start_run` removes what
    newer rows have replaced. -#}
{% macro bigquery__move_watermark(slice, transaction) %}
  {%- set table = profiles_sync.table_name(this) -%}
  {%- do profiles_sync.expect(
    transaction,
    'select max(state.last_event_no) from ' ~ profiles_sync.contract_relation('table_state') ~ ' as state where state.table_name = '
    ~ profiles_sync.text_literal(table),
    profiles_sync.table_state(table).last_event_no or 0
  ) -%}
  {%- do profiles_sync.add_watermark(slice, transaction) -%}
{% endmacro %}

{#- The same: models that run at once would be refused with error 1023, where isolation is serializable. -#}
{% macro redshift__move_watermark(slice, transaction) %}
  {%- do profiles_sync.add_watermark(slice, transaction) -%}
{% endmacro %}

{#- A pool takes no subquery in SET. -#}
{% macro synapse__move_watermark(slice, transaction) %}
  {%- if slice.known -%}
    {% call profiles_sync.write_step(transaction, 'forget_watermark') %}
      delete from {{ profiles_sync.contract_relation('table_state') }} where table_name = {{ profiles_sync.text_literal(profiles_sync.table_name(this)) }}
    {% endcall %}
  {%- endif -%}
  {%- do profiles_sync.add_watermark(slice, transaction) -%}
{% endmacro %}

{% macro add_watermark(slice, transaction) %}
  {%- set lease = profiles_sync.lease_in_statement() -%}
  {% call profiles_sync.write_step(transaction, 'move_watermark') %}
    insert into {{ profiles_sync.contract_relation('table_state') }} (table_name, last_event_no, received_from, uuid_ts)
    select {{ profiles_sync.text_literal(profiles_sync.table_name(this)) }}, {{ slice.upto }}, {{ profiles_sync.timestamp_literal(slice.received_from) }}, {{ profiles_sync.sync_uuid_ts() }}
    {{- ' from (' ~ lease ~ ') as lease' if lease }}
  {% endcall %}
  {%- do profiles_sync.lease_held_by(transaction, 'move_watermark') -%}
{% endmacro %}

{#- After the commit: the run's memory follows, for the tables made of this one. -#}
{% macro remember_watermark(slice) %}
  {%- set table = profiles_sync.table_name(this) -%}
  {%- set state = profiles_sync.table_state(table) -%}
  {%- do profiles_sync.table_facts().update({
    table: dict(state, last_event_no=slice.upto, received_from=slice.received_from or state.received_from)
  }) -%}
{% endmacro %}

{#- Removes watermarks that were replaced, where they are not replaced in place. -#}
{% macro tidy_watermarks() %}
  {{- return(adapter.dispatch('tidy_watermarks', 'profiles_sync')()) -}}
{% endmacro %}

{% macro default__tidy_watermarks() %}
{% endmacro %}

{% macro bigquery__tidy_watermarks() %}
  {%- set state = profiles_sync.contract_relation('table_state') -%}
  {%- do run_query(
    'delete from ' ~ state ~ ' as older where exists (select 1 from ' ~ state
    ~ ' as newer where newer.table_name = older.table_name and newer.last_event_no > older.last_event_no)'
  ) -%}
{% endmacro %}

{#- A table takes no alias after DELETE FROM there. -#}
{% macro redshift__tidy_watermarks() %}
  {%- set state = profiles_sync.contract_relation('table_state') -%}
  {%- do run_query(
    'delete from ' ~ state ~ ' using (select table_name as moved_table, max(last_event_no) as newest_no from ' ~ state
    ~ ' group by table_name) as newest where table_name = newest.moved_table and last_event_no < newest.newest_no'
  ) -%}
{% endmacro %}
