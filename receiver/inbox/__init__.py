"""Accepted, then durable: the ways that facts take into the store."""
