{#- Lets the `reader_roles` of the home read the public schema: the tables that are there, and every one made later in it, from the moment
    it is made. Nothing is taken away from a role that left the list. -#}
{% macro grant_readers() %}
  {%- set roles = env_var('PROFILES_SYNC_READER_ROLES', '') -%}
  {%- if roles -%}
    {{- return(adapter.dispatch('grant_readers', 'profiles_sync')(roles.split(','))) -}}
  {%- endif -%}
{% endmacro %}

{#- DuckDB has no roles. -#}
{% macro default__grant_readers(roles) %}
{% endmacro %}

{% macro postgres__grant_readers(roles) %}
  {%- set schema = adapter.quote(profiles_sync.space_schema()) -%}
  {%- for role in roles -%}
    {%- set role = adapter.quote(role) -%}
    {%- do run_query('grant usage on schema ' ~ schema ~ ' to ' ~ role) -%}
    {%- do run_query('grant select on all tables in schema ' ~ schema ~ ' to ' ~ role) -%}
    {%- do run_query('alter default privileges in schema ' ~ schema ~ ' grant select on tables to ' ~ role) -%}
  {%- endfor -%}
{% endmacro %}

{#- A name without the word would be that of a user. -#}
{% macro redshift__grant_readers(roles) %}
  {%- set schema = adapter.quote(profiles_sync.space_schema()) -%}
  {%- for role in roles -%}
    {%- set role = adapter.quote(role) -%}
    {%- do run_query('grant usage on schema ' ~ schema ~ ' to role ' ~ role) -%}
    {%- do run_query('grant select on all tables in schema ' ~ schema ~ ' to role ' ~ role) -%}
    {%- do run_query('alter default privileges in schema ' ~ schema ~ ' grant select on tables to role ' ~ role) -%}
  {%- endfor -%}
{% endmacro %}

{% macro snowflake__grant_readers(roles) %}
  {%- set schema = profiles_sync.space_schema() -%}
  {%- for role in roles -%}
    {%- do run_query('grant usage on schema ' ~ schema ~ ' to role ' ~ role) -%}
    {%- do run_query('grant select on all tables in schema ' ~ schema ~ ' to role ' ~ role) -%}
    {%- do run_query('grant select on future tables in schema ' ~ schema ~ ' to role ' ~ role) -%}
  {%- endfor -%}
{% endmacro %}

{#- A grantee there is written `user:jane@example.com` or `group:analysts@example.com`. -#}
{% macro bigquery__grant_readers(roles) %}
  {%- set schema = api.Relation.create(database=target.database, schema=profiles_sync.space_schema()).without_identifier() -%}
  {%- for role in roles -%}
    {%- do run_query('grant `roles/bigquery.dataViewer` on schema ' ~ schema ~ ' to ' ~ tojson(role)) -%}
  {%- endfor -%}
{% endmacro %}

{#- On the schema, which holds for tables made later as well. -#}
{% macro sqlserver__grant_readers(roles) %}
  {%- for role in roles -%}
    {%- do run_query('grant select on schema::' ~ adapter.quote(profiles_sync.space_schema()) ~ ' to ' ~ adapter.quote(role)) -%}
  {%- endfor -%}
{% endmacro %}

{% macro synapse__grant_readers(roles) %}
  {%- do profiles_sync.sqlserver__grant_readers(roles) -%}
{% endmacro %}
