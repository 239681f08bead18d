"""How HTTP sees it: hooks, the API, health. One thin module a noun."""
