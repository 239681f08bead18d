"""What the messaging platform says and expects: recognise, parse, verify. No Flask, no SQL."""
