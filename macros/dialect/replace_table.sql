{#- Puts the table `shadow` in the place of `live`, whether or not there is one. -#}
{% macro replace_table(live, shadow) %}
  {{- return(adapter.dispatch('replace_table', 'profiles_sync')(live, shadow)) -}}
{% endmacro %}

{% macro default__replace_table(live, shadow) %}
  {%- do adapter.drop_relation(live) -%}
  {%- do adapter.rename_relation(shadow, live) -%}
{% endmacro %}

{#- dbt's renaming begins a copy job there and drops the source without waiting for it. A table cannot be replaced (`create or replace … copy`) by one
    that is partitioned or clustered otherwise, as after an upgrade. The script looks at the lease itself: it may outlive this program. -#}
{% macro bigquery__replace_table(live, shadow) %}
  {%- set run_id = env_var('PROFILES_SYNC_RUN_ID', '') -%}
  {% call statement('replace_table') %}
    {%- if run_id %}
    assert exists ({{ profiles_sync.lease_query(run_id) }}) as {{ profiles_sync.text_literal(profiles_sync.lost_lease_message()) }};
    {%- endif %}
    drop table if exists {{ live }};
    alter table {{ shadow }} rename to {{ adapter.quote(live.identifier) }};
  {% endcall %}
{% endmacro %}
