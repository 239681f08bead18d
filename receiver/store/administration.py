"""Making, changing and deleting integration points, each with its line in the audit log.

What is given has been checked field by field; here it is held against what there is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from receiver.domain.errors import BadInputError
from receiver.store import audit, entities, points, sealed, signing, tokens
from receiver.store.admin_tables import IntegrationPoint
from receiver.store.audit import Act, Who
from receiver.store.entities import Entity, Sealing, Secrets
from receiver.store.signing import HubSecret

MOST_SECRETS: Final = 5
_SECRETS: Final = ("opts.profile_key", "opts.signature_secrets")


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where points are administered: a session, who sits there, and how secrets are sealed."""

    session: Session
    who: Who
    sealing: Sealing

    def create(self, given: Mapping[str, Any], *, domain: str) -> IntegrationPoint:
        """Make a point. Its `ext` is new, whatever is given.

        Raises: BadInputError naming fields, ConflictError for an id, code or token that is taken.
        """
        asked = entities.flat({name: part for name, part in given.items() if name != "ext"})
        id_ = asked.pop("id", None)
        row = points.new(
            domain=domain,
            code=asked["code"],
            type=asked["type"],
            id_=UUID(id_) if id_ else None,
            token_local=asked.pop("token_local", ""),
        )
        if asked.pop("opts.tokens", None):
            raise _bad("opts.tokens", "is made by rotation alone")
        self._check_free(row)
        self._write(row, asked)
        self.session.add(row)
        points.flush(self.session)
        self._record("point.create", row, None, entities.shown(row, self.sealing))
        return row

    def change(self, row: IntegrationPoint, given: Mapping[str, Any]) -> None:
        """Change what differs of a point that is locked; nothing is written where nothing does.

        Raises: as `create`; BadInputError too for fields that are read-only.
        """
        before = entities.shown(row, self.sealing)
        was = entities.flat(before)
        asked = entities.flat(given)
        wanted = {name: value for name, value in asked.items() if value != was.get(name)}
        faults = {name: ["is read-only"] for name in entities.READ_ONLY if name in wanted}
        if faults:
            raise BadInputError("fields are read-only", fields=faults)
        if wanted:
            self._write(row, wanted)
            row.written_at = datetime.now(UTC)
            points.flush(self.session)
            self._record("point.update", row, before, entities.shown(row, self.sealing))

    def delete(self, row: IntegrationPoint) -> None:
        """Delete a point that is locked. Its tokens go on accepting for a while."""
        before = entities.shown(row, self.sealing)
        row.deleted_at = row.written_at = datetime.now(UTC)
        self._record("point.delete", row, before, None)

    def rotate_token(self, row: IntegrationPoint, *, grace: timedelta) -> str:
        """Give a point another hook token, which is returned. Those it has end after `grace`.

        Raises: BadInputError where too many are open.
        """
        before = entities.shown(row, self.sealing)
        rotated = tokens.rotated(entities.tokens_of(row), grace=grace)
        row.tokens = tokens.said(rotated)
        row.written_at = datetime.now(UTC)
        self._record("point.rotate", row, before, entities.shown(row, self.sealing))
        return rotated[-1].token

    def rotate_secret(self, row: IntegrationPoint, secret: str, *, grace: timedelta) -> None:
        """Give a point another hub secret. Those it has end after `grace`.

        Raises: BadInputError where there are too many, or those there are can't be read.
        """
        if not secret:
            raise _bad("opts.signature_secrets", "must not be empty")
        known = entities.secrets_of(row, self.sealing).hub
        if known is None:
            raise _bad("opts.signature_secrets", "can't be read with our keys: set them anew")
        ends = datetime.now(UTC) + grace
        before = entities.shown(row, self.sealing)
        kept = [replace(each, until=tokens.sooner(each.until, ends)) for each in known]
        self._keep_hub(row, [HubSecret(secret), *kept])
        row.written_at = datetime.now(UTC)
        self._record("point.rotate", row, before, entities.shown(row, self.sealing))

    def _check_free(self, row: IntegrationPoint) -> None:
        added = IntegrationPoint.tokens.contains([{"token": row.token_local}])
        if self.session.scalars(select(IntegrationPoint.id).where(added).limit(1)).first():
            raise _bad("token_local", "is not free")

    def _write(self, row: IntegrationPoint, wanted: Entity) -> None:
        """Write fields by their dotted names."""
        for name in entities.TEXTS:
            if name in wanted:
                setattr(row, name, wanted[name])
        others = {name: value for name, value in wanted.items() if name not in _SECRETS}
        merged = {**row.opts, **entities.nested(others).get("opts", {})}
        row.opts = {name: value for name, value in merged.items() if value is not None}
        known = entities.secrets_of(row, self.sealing)
        self._keep(row, "token_remote", wanted, "token_remote")
        self._keep(row, "profile_key", wanted, "opts.profile_key")
        hub = _hub(known, wanted)
        if hub is not None:
            self._keep_hub(row, hub)
        if wanted.keys() & {"opts.signature", "opts.signature_secrets", "token_remote2"}:
            self._check_signature(row)

    def _keep(self, row: IntegrationPoint, column: str, wanted: Entity, name: str) -> None:
        if name not in wanted:
            return
        value = wanted[name] or ""
        if wanted[name] is None and not name.startswith("opts."):
            raise _bad(name, "must be a text; an empty one takes it away")
        setattr(row, column, sealed.seal(column, value, row.id, self.sealing()) if value else None)

    def _keep_hub(self, row: IntegrationPoint, hub: Sequence[HubSecret]) -> None:
        if len(hub) > MOST_SECRETS:
            raise _bad("opts.signature_secrets", f"must be at most {MOST_SECRETS} at a time")
        row.signature_secrets = signing.seal(hub, row.id, self.sealing()) if hub else None

    def _check_signature(self, row: IntegrationPoint) -> None:
        known = entities.secrets_of(row, self.sealing)
        if row.opts.get("signature") == "required" and not known.hub:
            fault = "required needs a secret: give opts.signature_secrets, or token_remote2"
            raise _bad("opts.signature", fault)

    def _record(
        self, verb: str, row: IntegrationPoint, before: Entity | None, after: Entity | None
    ) -> None:
        """Write who did what; of a change only what differs."""
        self.session.flush()
        act = Act(
            verb=verb,
            kind="point",
            ids=[str(row.id)],
            before=_differing(before, after),
            after=_differing(after, before),
        )
        audit.record(self.session, act, who=self.who, domain=row.domain)


def _hub(known: Secrets, wanted: Entity) -> Sequence[HubSecret] | None:
    """Return the hub secrets to keep, None for those there are.

    `token_remote2` is the first of `opts.signature_secrets`, under another name.
    Raises: BadInputError where the two contradict each other.
    """
    listed, first = wanted.get("opts.signature_secrets"), wanted.get("token_remote2")
    if "opts.signature_secrets" in wanted:
        hub = [signing.read(each) for each in listed or ()]
        if first and first != (hub[0].secret if hub else ""):
            raise _bad("token_remote2", "must be the first of opts.signature_secrets")
        return hub
    if "token_remote2" not in wanted:
        return None
    if first is None:
        raise _bad("token_remote2", "must be a text; an empty one takes it away")
    others = (known.hub or ())[1:]
    return [HubSecret(first), *others] if first else others


def _differing(entity: Entity | None, other: Entity | None) -> Entity | None:
    if entity is None or other is None:
        return entity
    theirs = entities.flat({**other, "ext": entity["ext"]})
    ours = entities.flat(entity).items()
    return entities.nested({name: value for name, value in ours if theirs.get(name) != value})


def _bad(name: str, fault: str) -> BadInputError:
    return BadInputError(f"{name} {fault}", fields={name: [fault]})
