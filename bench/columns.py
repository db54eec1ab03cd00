# SPDX-License-Identifier: MIT
"""The benchmark's columns as DuckDB declares them: (name in the file, its member, type)."""

import re

CLOUDTRAIL = [
    ("event_id", "eventID", "VARCHAR"),
    ("request_id", "requestID", "VARCHAR"),
    ("event_time", "eventTime", "TIMESTAMP"),
    ("event_name", "eventName", "VARCHAR"),
    ("event_source", "eventSource", "VARCHAR"),
    ("event_version", "eventVersion", "VARCHAR"),
    ("event_type", "eventType", "VARCHAR"),
    ("event_category", "eventCategory", "VARCHAR"),
    ("aws_region", "awsRegion", "VARCHAR"),
    ("source_ip_address", "sourceIPAddress", "VARCHAR"),
    ("user_agent", "userAgent", "VARCHAR"),
    ("error_code", "errorCode", "VARCHAR"),
    ("error_message", "errorMessage", "VARCHAR"),
    ("recipient_account_id", "recipientAccountId", "VARCHAR"),
    ("read_only", "readOnly", "BOOLEAN"),
    ("management_event", "managementEvent", "BOOLEAN"),
    ("user_identity", "userIdentity", "JSON"),
    ("request_parameters", "requestParameters", "JSON"),
    ("response_elements", "responseElements", "JSON"),
    ("additional_event_data", "additionalEventData", "JSON"),
    ("resources", "resources", "JSON"),
    ("tls_details", "tlsDetails", "JSON"),
]

_VISIT_TYPES = {"pipeline_adcid": "INTEGER", "visit_date": "DATE", "timestamp": "TIMESTAMP"}
VISITS = [
    (name, name, _VISIT_TYPES.get(name, "VARCHAR"))
    for name in (
        "action study pipeline_adcid project_label center_label gear_name ptid visit_date"
        " visit_number datatype module packet timestamp"
    ).split()
]


def columns_of(workload):
    return VISITS if workload == "visits" else CLOUDTRAIL


def declared(columns):
    """The columns={...} of read_json."""
    return "{" + ", ".join(f"'{member}': '{kind}'" for _, member, kind in columns) + "}"


def structure(columns):
    """One object in the language of from_json."""
    return "{" + ", ".join(f'"{member}": "{kind}"' for _, member, kind in columns) + "}"


def selected(columns, prefix=""):
    return ", ".join(f'{prefix}"{member}" as "{name}"' for name, member, _ in columns)


def yaml_names(path):
    """The names of a definition's fields, to check that both sides make the same columns."""
    with open(path, encoding="utf-8") as file:
        return re.findall(r"{name: (\w+),", file.read())
