{#- A text expression that compares and sorts by its bytes. -#}
{% macro bytewise(expression) %}
  {{- return(adapter.dispatch('bytewise', 'profiles_sync')(expression)) -}}
{% endmacro %}

{% macro default__bytewise(expression) %}
  {{- return(expression) -}}
{% endmacro %}

{#- The database's collation may be any. -#}
{% macro postgres__bytewise(expression) %}
  {{- return('(' ~ expression ~ ') collate "C"') -}}
{% endmacro %}

{#- The same; and text in it is UTF-8. -#}
{% macro sqlserver__bytewise(expression) %}
  {{- return('(' ~ expression ~ ') collate ' ~ profiles_sync.bytewise_collation()) -}}
{% endmacro %}

{% macro synapse__bytewise(expression) %}
  {{- return(profiles_sync.sqlserver__bytewise(expression)) -}}
{% endmacro %}

{#- The collation of every text column of ours there: SQL Server 2019 and later, Azure SQL, dedicated pools. -#}
{% macro bytewise_collation() %}
  {{- return('Latin1_General_100_BIN2_UTF8') -}}
{% endmacro %}

{#- Its order is that of bytes already. Blanks at the end do not count in its comparisons; what must tell them apart compares hashes. -#}
{% macro redshift__bytewise(expression) %}
  {{- return(expression) -}}
{% endmacro %}
