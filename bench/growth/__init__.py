"""What a ledger of millions costs: ingest and look-up in it, beside an empty one."""
