"""The schema, version by version; `tenancy` says how a table becomes a shop's own."""
