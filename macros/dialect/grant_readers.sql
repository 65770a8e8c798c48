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

{% macro postgres__grant_readers(roles, kind='') %}
  {%- set schema = adapter.quote(profiles_sync.space_schema()) -%}
  {%- for role in roles -%}
    {%- set grantee = kind ~ adapter.quote(role) -%}
    {%- do run_query('grant usage on schema ' ~ schema ~ ' to ' ~ grantee) -%}
    {%- do run_query('grant select on all tables in schema ' ~ schema ~ ' to ' ~ grantee) -%}
    {%- do run_query('alter default privileges in schema ' ~ schema ~ ' grant select on tables to ' ~ grantee) -%}
  {%- endfor -%}
{% endmacro %}

{#- A name without the word would be that of a user. -#}
{% macro redshift__grant_readers(roles) %}
  {{- return(profiles_sync.postgres__grant_readers(roles, 'role ')) -}}
{% endmacro %}

{% macro snowflake__grant_readers(roles) %}
  {%- set schema = profiles_sync.space_schema() -%}
  {%- for role in roles -%}
    {%- do run_query('grant usage on schema ' ~ schema ~ ' to role ' ~ role) -%}
    {%- do run_query('grant select on all tables in schema ' ~ schema ~ ' to role ' ~ role) -%}
    {%- do run_query('grant select on future tables in schema ' ~ schema ~ ' to role ' ~ role) -%}
  {%- endfor -%}
{% endmacro %}

{#- All in one statement, for the dataset's policy is changed as a whole. -#}
{% macro bigquery__grant_readers(roles) %}
  {%- set grantees = [] -%}
  {%- for role in roles -%}
    {%- if not modules.re.match('(user|group|serviceAccount|domain|specialGroup|principal|principalSet):\\S+$', role) -%}
      {{ exceptions.raise_compiler_error(
        'reader_roles: `' ~ role ~ '` names nobody on BigQuery. Write `user:jane@example.com`, `group:analysts@example.com`, '
        ~ '`serviceAccount:…` or `domain:example.com`.'
      ) }}
    {%- endif -%}
    {%- do grantees.append(profiles_sync.text_literal(role)) -%}
  {%- endfor -%}
  {%- set schema = api.Relation.create(database=target.database, schema=profiles_sync.space_schema()).without_identifier() -%}
  {%- do run_query('grant `roles/bigquery.dataViewer` on schema ' ~ schema ~ ' to ' ~ grantees | join(', ')) -%}
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
