"""What is true: facts, the status rule, identity, the fold. No Flask, no SQL."""
