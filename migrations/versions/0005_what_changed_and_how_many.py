"""What changed, and how many there are: written by the tables themselves, whoever writes to them.

`changes` is the log that the change feed reads, `deltas` what each change adds to the counts and
`rollups` what deltas were folded into. Statement triggers write them: one row of changes for a
statement, one of deltas for each kind of thing that there are more or fewer of. So no way of
writing can forget them, and the counts are exact in every snapshot.

Deliveries are deleted before their sends, which say whose they were.

The ledger that is there is counted under a lock, for about a minute for ten million deliveries;
meanwhile notifications go to the spool.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_NOTICES = {"messages": "message", "platform_events": "event"}

_MEASURES = (
    *("sends", "refused", "unconfirmed", "orphans"),
    *("deliveries", "pending", "overdue", "success", "failure", "complaint", "conflict"),
    "negative",
)
#: What a thing is counted by, of its send.
_DIMENSIONS = "point_id, channel, sender, tag"
_AT = "coalesce(s.requested_at, s.accepted_at)"
_MINUTE = f"date_trunc('minute', {_AT}, 'UTC')"
#: Rows that are only locks of their families, and registrations that were completed, are no sends.
_SHOWN = f"{_AT} IS NOT NULL"
_OLD_AND_NEW = "(SELECT -1 AS sign, * FROM old_rows UNION ALL SELECT 1, * FROM new_rows)"
_BY_OPERATION = {
    "INSERT": "(SELECT 1 AS sign, * FROM new_rows)",
    "UPDATE": _OLD_AND_NEW,
    "DELETE": "(SELECT -1 AS sign, * FROM old_rows)",
}
_CAUSES = {"INSERT": "new", "UPDATE": "changed"}
_REFERENCING = {
    "INSERT": "NEW TABLE AS new_rows",
    "UPDATE": "OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "DELETE": "OLD TABLE AS old_rows",
}


def _delivery_deltas(deliveries: str, sends: str, sign: str) -> str:
    return f"""
    INSERT INTO deltas (domain, minute, {_DIMENSIONS}, rank, code, carrier, conflict, overdue,
                        latency, n)
    SELECT s.domain, {_MINUTE}, s.point_id, s.channel, s.sender, s.tag,
           d.rank, d.code, d.carrier, d.reached AND d.missed, d.overdue,
           latency_bucket(d.arrived_at, s.requested_at), sum({sign})
      FROM {deliveries} d JOIN {sends} s ON s.transid = d.transid AND s.domain = d.domain
     WHERE {_SHOWN}
     GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 HAVING sum({sign}) <> 0;
    """


def _send_deltas(sends: str) -> str:
    return f"""
    INSERT INTO deltas (domain, minute, {_DIMENSIONS}, state, n)
    SELECT s.domain, {_MINUTE}, s.point_id, s.channel, s.sender, s.tag,
           s.state, sum(s.sign)
      FROM {sends} s WHERE {_SHOWN}
     GROUP BY 1, 2, 3, 4, 5, 6, 7 HAVING sum(s.sign) <> 0;
    """


def _cause(usual: str) -> str:
    """Return what a change is put down to; whoever knows more says so in `receiver.cause`."""
    return f"coalesce(nullif(current_setting('receiver.cause', true), ''), '{usual}')"


def _changed(cause: str) -> str:
    return f"""
    INSERT INTO changes (domain, kind, cause, seqs)
    SELECT domain, 'delivery', {_cause(cause)}, array_agg(seq ORDER BY seq)
      FROM new_rows GROUP BY domain;
    """


_DELIVERIES_GONE = f"""
    IF EXISTS (SELECT FROM old_rows d WHERE NOT EXISTS (
        SELECT FROM sends s WHERE s.transid = d.transid AND s.domain = d.domain)) THEN
        RAISE 'deliveries must be deleted before their sends, in a statement of their own';
    END IF;
    INSERT INTO changes (domain, kind, cause, deleted, point_id, seqs)
    SELECT d.domain, 'delivery', {_cause("deleted")}, true, s.point_id, array_agg(d.seq ORDER BY d.seq)
      FROM old_rows d JOIN sends s ON s.transid = d.transid AND s.domain = d.domain
     GROUP BY d.domain, s.point_id;
    """


def _moved(columns: str) -> str:
    """Return the sends whose columns differ now, once as they were and once as they are."""
    return f"""
        SELECT domain, transid, {columns}, sum(sign) AS sign FROM {_OLD_AND_NEW} s
         GROUP BY domain, transid, {columns} HAVING sum(sign) <> 0
        """


#: What the feed says of a delivery's send.
_SAID = "point_id, channel, correlationid, sender, tag, recorded, registration, requested_at"
_SENDS_MOVED = (
    _delivery_deltas(
        "deliveries",
        f"({_moved(f'{_DIMENSIONS}, requested_at, accepted_at')})",
        "s.sign",
    )
    + f"""
    INSERT INTO changes (domain, kind, cause, seqs)
    SELECT domain, 'delivery', {_cause("send")}, array_agg(seq ORDER BY seq) FROM (
        SELECT DISTINCT d.domain, d.seq FROM ({_moved(_SAID)}) s
          JOIN deliveries d ON d.transid = s.transid AND d.domain = s.domain) moved
     GROUP BY domain;
    """
)


_SENDS_GONE = """
    IF EXISTS (SELECT FROM old_rows s
                 JOIN deliveries d ON d.transid = s.transid AND d.domain = s.domain) THEN
        RAISE 'deliveries must be deleted before their sends';
    END IF;
    """


def _notices_changed(kind: str, cause: str) -> str:
    return f"""
    INSERT INTO changes (domain, kind, cause, day, ids)
    SELECT domain, '{kind}', {_cause(cause)}, day, array_agg(id ORDER BY id)
      FROM new_rows GROUP BY domain, day;
    """


def _notices_gone(kind: str, condition: str = "true") -> str:
    return f"""
    INSERT INTO changes (domain, kind, cause, deleted, point_id, ids)
    SELECT domain, '{kind}', {_cause("deleted")}, true, point_id, array_agg(id ORDER BY id)
      FROM old_rows WHERE {condition} GROUP BY domain, point_id;
    """


#: An earlier copy takes the place of a notice under an id of its own.
_ID_IS_GONE = "NOT EXISTS (SELECT FROM new_rows WHERE new_rows.id = old_rows.id)"


def _triggers() -> dict[tuple[str, str], str]:
    """By table and operation, what is to be done."""
    found = {}
    for operation, rows in _BY_OPERATION.items():
        told = _DELIVERIES_GONE if operation == "DELETE" else _changed(_CAUSES[operation])
        counted = _delivery_deltas(rows, "sends", "d.sign")
        found["deliveries", operation] = told + counted
        first = {"UPDATE": _SENDS_MOVED, "DELETE": _SENDS_GONE}.get(operation, "")
        found["sends", operation] = first + _send_deltas(rows)
    for table, kind in _NOTICES.items():
        found[table, "INSERT"] = _notices_changed(kind, "new")
        replaced = _notices_gone(kind, _ID_IS_GONE)
        found[table, "UPDATE"] = replaced + _notices_changed(kind, "changed")
        found[table, "DELETE"] = _notices_gone(kind)
    return found


def upgrade() -> None:
    """Go forward."""
    with op.get_context().autocommit_block():  # what shuts readers out must be over at once
        op.execute(
            "ALTER TABLE deliveries ADD COLUMN IF NOT EXISTS overdue boolean DEFAULT false NOT NULL"
        )
        op.execute(
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS deliveries_overdue ON deliveries (domain, seq)"
            " WHERE overdue"
        )
    op.execute(
        "LOCK TABLE sends, deliveries, messages, platform_events IN SHARE ROW EXCLUSIVE MODE"
    )
    for table in _NOTICES:
        op.execute(f"CREATE INDEX {table}_id ON {table} (id)")
    _create_tables()
    op.execute("""
        CREATE FUNCTION latency_bucket(reached timestamptz, asked timestamptz) RETURNS smallint
        LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN CASE
            WHEN reached < asked THEN -1
            WHEN reached >= asked THEN least(floor(ln(greatest(extract(epoch FROM reached - asked)::float8 * 1000, 1))
                                             / ln(1.1::float8)), 250) END
        """)
    for (table, operation), body in _triggers().items():
        name = f"{table}_after_{operation.lower()}"
        op.execute(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN {body} RETURN NULL; END $$"
        )
        op.execute(
            f"CREATE TRIGGER {name} AFTER {operation} ON {table}"
            f" REFERENCING {_REFERENCING[operation]}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
        )
    op.execute(
        "CREATE FUNCTION derive_anew() RETURNS void LANGUAGE plpgsql AS"
        f" $$ BEGIN {_derive_anew()} END $$"
    )
    op.execute("SELECT derive_anew()")


def _create_tables() -> None:
    words = sa.Text(collation="C")
    dimensions = [
        sa.Column("domain", words, nullable=False),
        sa.Column("point_id", sa.Uuid(), nullable=True),
    ]
    op.create_table(
        "changes",
        sa.Column("domain", words, nullable=False),
        sa.Column(
            "xid",
            sa.BigInteger(),
            server_default=sa.text("pg_current_xact_id()::text::bigint"),
            nullable=False,
        ),
        sa.Column("n", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column(
            "written_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("kind", words, nullable=False),
        sa.Column("cause", words, server_default="new", nullable=False),
        sa.Column("deleted", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("point_id", sa.Uuid(), nullable=True),
        sa.Column("day", sa.Date(), nullable=True),
        sa.Column("seqs", sa.ARRAY(sa.BigInteger()), nullable=True),
        sa.Column("ids", sa.ARRAY(sa.Uuid()), nullable=True),
        sa.PrimaryKeyConstraint("domain", "xid", "n"),
    )
    op.execute("CREATE INDEX changes_deleted ON changes (written_at) WHERE deleted")
    op.create_table(
        "deltas",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        *dimensions,
        sa.Column("minute", sa.DateTime(timezone=True), nullable=False),
        *(sa.Column(name, words, nullable=False) for name in ("channel", "sender", "tag")),
        sa.Column("state", words, nullable=True),
        sa.Column("rank", sa.SmallInteger(), nullable=True),
        sa.Column("code", words, server_default="", nullable=False),
        sa.Column("carrier", words, server_default="", nullable=False),
        sa.Column("conflict", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("overdue", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("latency", sa.SmallInteger(), nullable=True),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "rollups",
        sa.Column("domain", words, nullable=False),
        sa.Column("grain", words, nullable=False),
        sa.Column("told", sa.SmallInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("point_id", sa.Uuid(), nullable=False),
        *(sa.Column(name, words, nullable=False) for name in ("channel", "sender", "tag")),
        sa.Column("rank", sa.SmallInteger(), nullable=False),
        *(sa.Column(name, words, nullable=False) for name in ("code", "carrier")),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _MEASURES),
        sa.Column("latencies", sa.ARRAY(sa.BigInteger()), nullable=False),
        sa.PrimaryKeyConstraint(
            *("domain", "grain", "told", "at", "point_id"),
            *("channel", "sender", "tag", "rank", "code", "carrier"),
        ),
    )
    op.execute("""
        CREATE FUNCTION add_each(one bigint[], other bigint[]) RETURNS bigint[]
        LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN (
            SELECT coalesce(array_agg(coalesce(a, 0) + coalesce(b, 0) ORDER BY place), '{}')
              FROM unnest(one, other) WITH ORDINALITY AS pairs(a, b, place))
        """)
    op.create_table(
        "feed",
        sa.Column("generation", sa.Uuid(), nullable=False),
        sa.Column("floor", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("generation"),
    )


def _derive_anew() -> str:
    """Return what notes everything that is there as changed, and counts it, from the beginning."""
    notices = "".join(
        f"""
        INSERT INTO changes (domain, kind, day, ids)
        SELECT domain, '{kind}', day, array_agg(id ORDER BY id) FROM {table}
         GROUP BY domain, day, date_trunc('minute', accepted_at)
         ORDER BY domain, day, date_trunc('minute', accepted_at);
        """
        for table, kind in _NOTICES.items()
    )
    return f"""
        LOCK TABLE sends, deliveries, messages, platform_events IN SHARE ROW EXCLUSIVE MODE;
        TRUNCATE feed, changes, deltas, rollups;
        INSERT INTO feed (generation) VALUES (gen_random_uuid());
        INSERT INTO changes (domain, kind, seqs)
        SELECT domain, 'delivery', array_agg(seq ORDER BY seq) FROM deliveries
         GROUP BY domain, seq / 1000 ORDER BY domain, seq / 1000;
        {notices}
        {_delivery_deltas("(SELECT 1 AS sign, * FROM deliveries)", "sends", "d.sign")}
        {_send_deltas("(SELECT 1 AS sign, * FROM sends)")}
        """


def downgrade() -> None:
    """Go back."""
    for table, operation in _triggers():
        name = f"{table}_after_{operation.lower()}"
        op.execute(f"DROP TRIGGER {name} ON {table}")
        op.execute(f"DROP FUNCTION {name}()")
    op.execute("DROP FUNCTION derive_anew()")
    op.execute("DROP FUNCTION latency_bucket(timestamptz, timestamptz)")
    op.execute("DROP FUNCTION add_each(bigint[], bigint[])")
    for table in ("feed", "rollups", "deltas", "changes"):
        op.drop_table(table)
    for table in _NOTICES:
        op.drop_index(f"{table}_id", table)
    op.drop_index("deliveries_overdue", "deliveries")
    op.drop_column("deliveries", "overdue")
