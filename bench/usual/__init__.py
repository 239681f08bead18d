"""The same work the usual way: nested schema, ORM session, commit per request, threads."""
