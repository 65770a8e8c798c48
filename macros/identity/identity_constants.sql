{#- Labels of one batch: a profile is `event_no * stride` of the event that created it, an identifier that nobody owns yet
    `event_no * stride + rank` of the event that first carries it. So smaller is older, and a multiple of the stride is a profile. -#}
{% macro identity_stride() %}
  {{- return(4096) -}}
{% endmacro %}

{#- Longest identifier value, in characters; a longer one is no identifier. -#}
{% macro identity_value_length() %}
  {{- return(512) -}}
{% endmacro %}

{#- Greater than any label and any rank. -#}
{% macro identity_infinity() %}
  {{- return('9223372036854775807') -}}
{% endmacro %}

{#- Length of a window in milliseconds; none for `ever`. -#}
{% macro window_ms(window) %}
  {%- set day = 86400000 -%}
  {{- return({'daily': day, 'weekly': 7 * day, 'monthly': 30 * day, 'annually': 365 * day, 'ever': none}[window]) -}}
{% endmacro %}
