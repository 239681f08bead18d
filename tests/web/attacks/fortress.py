"""A victim, an intruder, and one gunicorn between them, in a database and a folder of their own.

The victim's domain has points, keys and a send that the intruder wants; the intruder has a domain
with a point and a key of every scope, knows the tokens of the victim's points that are guarded
otherwise, and knows keys of the victim that may do little.
"""

import base64
import hashlib
import hmac
import re
import secrets
import socket
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final

from sqlalchemy.orm import Session

from receiver.sealing import Sealer
from receiver.store import keys
from receiver.store.points import Point
from tests.web.attacks.form import NUMBER, RECEIPT, TEXT, VICTIM_NUMBER, VICTIM_TEXT
from tests.web.server import Answer, Server, read, serving
from tests.web.service import (
    Service,
    make_caller,
    make_point,
    make_transid,
    message,
    receipt,
    running,
)
from tests.web.test_admission import keep

VICTIM, INTRUDER = "victim", "intruder"
WALLS: Final = ["192.0.2.64/26", "198.51.100.7", "2001:db8:aa::/48", "::ffff:203.0.113.0/126"]
HUB_SECRET, OTHER_HUB_SECRET = "hub-secret-of-the-one", "hub-secret-of-the-other"
NOBODY: Final = Answer(0, {}, b"")


@dataclass
class Fortress:
    """The server, what there is in it, and what everything is called in the requests."""

    server: Server
    service: Service
    folder: Path
    names: Mapping[str, str]
    told: list[tuple[str, Answer]] = field(default_factory=list)
    """Every request, as Latin-1, and its answer."""

    def strike(self, template: str) -> Answer:
        """Send a request and return what comes back."""
        with self.server.connect() as line:
            return self.read(line, self.begin(line, template))

    def begin(self, line: socket.socket, template: str) -> bytes:
        """Send a request, as far as the server listens; return it."""
        sent = filled(template, self.names)
        with suppress(ConnectionError):
            line.sendall(sent)
        return sent

    def read(self, line: socket.socket, sent: bytes) -> Answer:
        """Return the answer to what was sent, or that there was none."""
        try:
            answer = read(line, method=sent.split(b" ", 1)[0].decode("latin-1"))
        except (ConnectionError, HTTPException):
            answer = NOBODY
        self.told.append((sent.decode("latin-1"), answer))
        return answer

    def rows(self) -> Counter[tuple[str, str]]:
        """Return how many rows each domain has in each table."""
        counted: Counter[tuple[str, str]] = Counter()
        for table in self.service.rows(_TABLES):
            domain = "domain" if table["has_domain"] else "''"
            query = f"SELECT {domain} AS domain, count(*) AS n FROM {table['name']} GROUP BY 1"
            for row in self.service.rows(query):
                counted[table["name"], row["domain"]] = row["n"]
        return counted

    def at(self, *hooks: str) -> Iterator[tuple[str, Answer]]:
        """Yield the requests that went to the hooks of these names, and their answers."""
        paths = tuple(f"/hooks/{self.names[name]}" for name in hooks)
        for sent, answer in self.told:
            if sent.partition(" ")[2].startswith(paths):
                yield sent, answer

    def ledger(self) -> Any:
        """Return what the victim's sends and all about them are."""
        query = "SELECT row_to_json(t)::text AS row FROM {} t WHERE domain = :domain ORDER BY 1"
        return [self.service.rows(query.format(each), domain=VICTIM) for each in _LEDGER]

    def files(self) -> set[str]:
        """Return all files that the server could have left, but for its log and its metrics."""
        return {
            str(path.relative_to(self.folder))
            for part in ("var", "tmp", "home", "spool")
            for path in (self.folder / part).rglob("*")
            if path.is_file()
        }

    def written(self) -> str:
        """Return all that the server wrote for people: its log, and the labels of its metrics."""
        files = [self.folder / "log", *(self.folder / "metrics").iterdir()]
        return "\n".join(path.read_bytes().decode("latin-1") for path in files)

    @property
    def victim_s(self) -> Mapping[str, str]:
        """Return what nobody may hear who does not say it himself, by name."""
        known = {name: self.names[name] for name in _VICTIM_S}
        return known | {
            "hub secret": HUB_SECRET,
            "other hub secret": OTHER_HUB_SECRET,
            "victim's number": VICTIM_NUMBER,
            "victim's text": VICTIM_TEXT,
        }

    @property
    def private(self) -> Mapping[str, str]:
        """Return what may be in no log, by name."""
        known = {name: self.names[name] for name in ("own", "own_walled", "key", "digest")}
        codes = {"open_code"}  # which the log tells points by
        victim_s = {name: said for name, said in self.victim_s.items() if name not in codes}
        return {**victim_s, **known, "number": NUMBER, "text": TEXT}


_VICTIM_S: Final = (
    *("open", "signed", "walled", "open_id", "open_code", "send_id", "registered"),
    *("reader", "sender", "narrow", "expired", "revoked", "transid", "tid"),
)
_LEDGER: Final = ("sends", "deliveries", "receipts", "messages", "recordings")
_TABLES: Final = """
    SELECT c.relname AS name, EXISTS (
        SELECT FROM pg_attribute WHERE attrelid = c.oid AND attname = 'domain'
    ) AS has_domain
    FROM pg_class c WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
    AND c.relnamespace = 'public'::regnamespace AND c.relname <> 'alembic_version'
"""


def filled(template: str, names: Mapping[str, str]) -> bytes:
    """Return a request with what its names stand for, and the length of its body."""
    whole = re.sub(r"<(\w+)>", lambda name: names.get(name[1], name[0]), template)
    head, end, body = whole.partition("\r\n\r\n")
    return (head.replace("<length>", str(len(body))) + end + body).encode("latin-1")


@contextmanager
def besieged(url: str, folder: Path) -> Iterator[Fortress]:
    """Run the server on an empty database, with all that the attacks need in it."""
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    for part in ("var", "tmp", "home", "metrics"):
        (folder / part).mkdir()
    more = {
        "RECEIVER_VAR": str(folder / "var"),
        "RECEIVER_SPOOL": str(folder / "spool"),
        "RECEIVER_SECRET_KEYS": key,
        "RECEIVER_TRUSTED_PROXIES": "1",
        "RECEIVER_LOG_LEVEL": "DEBUG",
        "PROMETHEUS_MULTIPROC_DIR": str(folder / "metrics"),
        "GUNICORN_CMD_ARGS": "--keep-alive 3",
        "TMPDIR": str(folder / "tmp"),
        "HOME": str(folder / "home"),
    }
    with running(url) as service:
        names = _names(service, Sealer.of([key], folder / "var"))
        with serving(url, folder / "log", **more) as server:
            yield Fortress(server, service, folder, names)


def _names(service: Service, sealer: Sealer) -> dict[str, str]:
    """Make what there is, and return it by name; with what can be guessed or derived from it."""
    points = {
        "open": make_point(service, domain=VICTIM),
        "signed": make_point(service, domain=VICTIM, signature="required"),
        "other_signed": make_point(service, domain=VICTIM, signature="required"),
        "walled": make_point(service, domain=VICTIM, allow_ips=WALLS, max_body=4096),
        "own": make_point(service, domain=INTRUDER),
        "own_walled": make_point(service, domain=INTRUDER, allow_ips=WALLS),
    }
    with Session(service.engine) as session:
        keep(session, points["signed"], [HUB_SECRET], sealer)
        keep(session, points["other_signed"], [OTHER_HUB_SECRET], sealer)
        session.commit()
    names = {name: point.token_local for name, point in points.items()}
    names |= {f"{name}_id": str(point.id) for name, point in points.items()}
    names |= {"open_code": points["open"].code, "domain": VICTIM} | _keys(service, points)
    names |= {"transid": make_transid(), "tid": make_transid(), "number": VICTIM_NUMBER}
    names |= _near(names)
    return names | _held(service, points["open"], names) | _signatures(names)


def _keys(service: Service, points: Mapping[str, Point]) -> dict[str, str]:
    """Return the secrets of keys by name."""
    past = datetime.now(UTC) - timedelta(seconds=1)
    narrow = [points["signed"].id]
    callers = {
        "reader": make_caller(service, domain=VICTIM, scopes=["read", "read:pii"]),
        "sender": make_caller(service, domain=VICTIM, scopes=["send"]),
        "narrow": make_caller(service, domain=VICTIM, point_ids=narrow),
        "expired": make_caller(service, domain=VICTIM, expires_at=past),
        "revoked": make_caller(service, domain=VICTIM),
        "key": make_caller(service, domain=INTRUDER),
    }
    with Session(service.engine) as session:
        keys.revoke(session, callers["revoked"].secret[:11])
        session.commit()
    return {name: caller.secret for name, caller in callers.items()}


def _near(names: Mapping[str, str]) -> dict[str, str]:
    """Return what somebody tries who knows half, and what nobody knows."""
    near = {"guessed": secrets.token_hex(16)}
    for name in ("open", "reader"):
        known = names[name]
        near |= {
            f"{name}_cut": known[:-1],
            f"{name}_longer": f"{known}0",
            f"{name}_capitals": known.swapcase(),
            f"{name}_hash": hashlib.sha256(known.encode()).hexdigest(),
            f"{name}_prefix": known[:11],
        }
    return near | {"basic": base64.b64encode(f"x:{names['reader']}".encode()).decode()}


def _held(service: Service, point: Point, names: Mapping[str, str]) -> dict[str, str]:
    """Leave a send with its receipt, a message and a registered send; return what they are called.

    They come in before the server begins, through an application of our own.
    """
    caller = make_caller(service, domain=VICTIM)
    send = caller.record(transid=names["transid"], destinations=[VICTIM_NUMBER], text=VICTIM_TEXT)
    registered = caller.record(destinations=[VICTIM_NUMBER])
    service.hook(point, receipt(names["transid"], "Delivered"))
    service.hook(point, message(tid=names["tid"], text=VICTIM_TEXT))
    return {"send_id": send["id"], "registered": registered["id"]}


def _signatures(names: Mapping[str, str]) -> dict[str, str]:
    """Return signatures of RECEIPT, and of what it is not."""
    body = filled(f"\r\n\r\n{RECEIPT}", names).strip()
    digest = _digest(HUB_SECRET, body)
    return {
        "digest": digest,
        "signature": f"sha256={digest}",
        "signature_cut": f"sha256={digest[:-1]}",
        "signature_by_sha1": f"sha1={_digest(HUB_SECRET, body, 'sha1')}",
        "signature_of_another_body": f"sha256={_digest(HUB_SECRET, b'{}')}",
        "signature_of_another_point": f"sha256={_digest(OTHER_HUB_SECRET, body)}",
    }


def _digest(secret: str, body: bytes, algorithm: str = "sha256") -> str:
    return hmac.new(secret.encode(), body, algorithm).hexdigest()
