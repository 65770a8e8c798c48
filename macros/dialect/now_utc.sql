{#- The present moment as a UTC timestamp without zone. -#}
{% macro now_utc() %}
  {{- return(adapter.dispatch('now_utc', 'profiles_sync')()) -}}
{% endmacro %}

{% macro default__now_utc() %}
  {{- return("cast(timezone('UTC', now()) as timestamp)") -}}
{% endmacro %}

{#- now() is frozen at the start of a transaction there. -#}
{% macro postgres__now_utc() %}
  {{- return("timezone('UTC', clock_timestamp())") -}}
{% endmacro %}

{#- A BigQuery timestamp is a moment; its zone is UTC. -#}
{% macro bigquery__now_utc() %}
  {{- return('current_timestamp()') -}}
{% endmacro %}

{#- now() there has the zone of the session. -#}
{% macro snowflake__now_utc() %}
  {{- return('sysdate()') -}}
{% endmacro %}

{% macro sqlserver__now_utc() %}
  {{- return('cast(sysutcdatetime() as datetime2(6))') -}}
{% endmacro %}

{% macro synapse__now_utc() %}
  {{- return(profiles_sync.sqlserver__now_utc()) -}}
{% endmacro %}

{#- Of the session, whose zone is UTC unless it was changed. -#}
{% macro redshift__now_utc() %}
  {{- return('sysdate') -}}
{% endmacro %}
