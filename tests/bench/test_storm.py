"""The storm and the others: what they send, and what is remembered of it."""

from itertools import islice

from bench.storm import gust_of, spread
from tests.bench.test_load import CONNECTIONS, serving


def test_a_gust_remembers_every_answer() -> None:
    with serving(lambda number: 503 if number == 1 else 200) as ((host, port), heard):
        gust = gust_of(f"http://{host}:{port}/hooks/token", CONNECTIONS, 0.2, seed=1)

    assert set(gust.answered) == set(heard.transids[1:])
    assert gust.refused == {503: 1}
    assert gust.rate > 0


def test_the_others_come_at_every_hook_and_no_transid_twice() -> None:
    hooks = [f"http://127.0.0.1/hooks/{name}" for name in "abc"]

    sent = list(islice(spread(hooks), 100))

    assert len({transid for transid, _ in sent}) == 100
    assert {request.split(b" ")[1] for _, request in sent} == {
        b"/hooks/a",
        b"/hooks/b",
        b"/hooks/c",
    }
