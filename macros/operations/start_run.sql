{#- Hook of a dbt run: makes the contract tables, lets readers read, and gives the run its `uuid_ts`. A sync has put it there already (consumed = 0);
    a run started by hand gives itself one, later than any before. Does nothing unless a model of this package is being built. -#}
{% macro start_run() %}
  {%- if execute and flags.WHICH in ('run', 'build') and profiles_sync.builds_our_models() -%}
    {%- do profiles_sync.prepare_space() -%}
    {%- do profiles_sync.grant_readers() -%}
    {%- do profiles_sync.take_up_mark() -%}
    {%- do profiles_sync.tidy_watermarks() -%}
    {%- do profiles_sync.fill_run_memory() -%}
    {%- do adapter.commit() -%}
  {%- endif -%}
{% endmacro %}

{#- Marks the run's `uuid_ts` as taken up. -#}
{% macro take_up_mark() %}
  {%- set current = profiles_sync.contract_relation('current_sync') -%}
  {%- set run_id = env_var('PROFILES_SYNC_RUN_ID', '') -%}
  {%- if run_id -%}
    {#- Not that of a sync which followed. -#}
    {% call statement('start_run', fetch_result=true) %}
      update {{ current }} set consumed = 1 where sync_id = {{ profiles_sync.text_literal(run_id) }}
    {% endcall %}
    {%- if not profiles_sync.affected_rows('start_run') -%} {{ exceptions.raise_compiler_error(profiles_sync.lost_lease_message()) }} {%- endif -%}
  {%- else -%}
    {%- set pending = (run_query('select count(*) from ' ~ current ~ ' where consumed = 0').rows[0][0]) | int -%}
    {% call statement('start_run') %}
      {%- if pending %}
        update {{ current }} set consumed = 1 where consumed = 0
      {%- else %}
        insert into {{ current }} (sync_id, uuid_ts, consumed)
        select
          {{ profiles_sync.text_literal('dbt-' ~ invocation_id) }},
          case
            when max(uuid_ts) >= {{ profiles_sync.now_utc() }} then {{ profiles_sync.next_microsecond('max(uuid_ts)') }}
            else {{ profiles_sync.now_utc() }}
          end,
          1
        from {{ current }}
      {%- endif %}
    {% endcall %}
    {% if not pending %}
    {% call statement('forget_older') %}
      delete from {{ current }} where uuid_ts < (select max(c.uuid_ts) from {{ current }} as c)
    {% endcall %}
    {% endif %}
  {%- endif -%}
{% endmacro %}

{#- Whether the run in progress builds a model of this package. -#}
{% macro builds_our_models() %}
  {%- set ours = [] -%}
  {%- for unique_id in selected_resources if unique_id.startswith('model.profiles_sync.') -%}
    {%- do ours.append(unique_id) -%}
  {%- endfor -%}
  {{- return(ours | length > 0) -}}
{% endmacro %}
