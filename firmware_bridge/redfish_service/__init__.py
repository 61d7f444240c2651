"""A Redfish service engine over a ResourceSource: routing, queries, ETags, sessions, errors.  Knows no model."""
