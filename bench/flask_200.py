"""The ceiling: a Flask view that does nothing with a notification but answer 200.

It yields once, as every view does that waits for anything: a greenlet that never yields serves
the connections that it has, and lets the others starve.
"""

import gevent
from flask import Flask, request
from flask.typing import ResponseReturnValue

app = Flask(__name__, static_folder=None)


@app.post("/hooks/<token>")
def receive(token: str) -> ResponseReturnValue:
    """Read the body, and answer."""
    request.get_data()
    gevent.sleep(0)
    return {"result": "accepted", "kind": "receipt", "id": token}
