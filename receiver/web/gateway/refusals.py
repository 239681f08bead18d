"""What the gateway answers by itself, in the platform's words."""

from http import HTTPStatus

from receiver.domain.errors import ReceiverError
from receiver.domain.facts import new_id
from receiver.platform.apis import Api, Code, failure, internal
from receiver.web.gateway.said import JSON, Said


class RefusedError(ReceiverError):
    """A call that is not forwarded. By `code` the platform would refuse it, with HTTP 200."""

    def __init__(self, code: Code, detail: str = "", *, http: int = HTTPStatus.OK) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.http = http

    @property
    def is_passing(self) -> bool:
        """Whether it may be otherwise in a moment."""
        return self.http == HTTPStatus.SERVICE_UNAVAILABLE


def unable(api: Api, detail: str) -> RefusedError:
    """Return the error of what is for now, or for us, impossible: 503."""
    return RefusedError(internal(api), detail, http=HTTPStatus.SERVICE_UNAVAILABLE)


def said_of(api: Api, error: RefusedError, *, transid: str = "") -> Said:
    """Return the answer that an error is; `transid` is our id of the send, where there is one."""
    body = failure(api, error.code, transid or str(new_id()), error.detail)
    return Said(http=int(error.http), headers=[JSON], body=body)
