{#- Lets a transaction write nothing unless a query of one number, read before it was begun, still gives that number. Where a run that another
    one has followed cannot commit (`hold_lease`), there is nothing to do. -#}
{% macro expect(transaction, query, number) %}
  {{- return(adapter.dispatch('expect', 'profiles_sync')(transaction, query, number)) -}}
{% endmacro %}

{% macro default__expect(transaction, query, number) %}
{% endmacro %}

{#- A script may begin when the program that sent it has long ended, and another one has done its work. -#}
{% macro bigquery__expect(transaction, query, number) %}
  {%- do transaction.conditions.append('coalesce((' ~ query ~ '), 0) = ' ~ number) -%}
{% endmacro %}
