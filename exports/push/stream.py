"""One stream at work: the deliveries of one target, one behind the other, over one connection."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import posixpath
import threading
import time

from peewee import PeeweeException

from exports.push import deliveries
from exports.push.remote import Access, Missing, PushError, Refused, Remote, Unreachable, opened
from exports.push.source import Stopped, source
from exports.push.steps import deliver
from exports.push.targets import access_of, clean, note_mount
from layout import export_source
from models import Delivery, Target, database, now
from settings import Settings

log = logging.getLogger("ftpdock.exports")

TURN = 30.0
"""Seconds after which a stream makes room for others that wait; it begins no new delivery then."""


class Stream:
    """What one thread does for one target, until nothing waits or it is held."""

    def __init__(self, settings: Settings, target: int, stopping: threading.Event) -> None:
        self._settings, self._target, self._stopping = settings, target, stopping
        self._secret = self._url = ""
        self._began = time.monotonic()

    def run(self) -> None:
        """Called on a thread of its own. Raises nothing but errors of the database."""
        with database.connection_context():
            target = Target.get_or_none(Target.number == self._target)
            if target is None or deliveries.head(self._target) is None:
                return
            self._url = target.url
            try:
                note_mount(self._settings, target)
                access = access_of(self._settings, target)
                self._secret = access.secret
                self._work(access, target.account.name)
            except PushError as error:
                self._hold(error)
            except Stopped:
                log.info("target %s: interrupted, to be done again", self._target)
            except Exception as error:
                log.exception("target %s", self._target)
                self._hold(error)

    def _work(self, access: Access, account: str) -> None:
        until = time.monotonic() + TURN
        with opened(access) as remote:
            while not self._stopping.is_set() and time.monotonic() < until:
                delivery = deliveries.head(self._target)
                # Of a target that has moved the next turn is at the new place.
                if delivery is None or delivery.target.url != self._url:
                    return
                if not self._deliver(remote, account, delivery):
                    return

    def _deliver(self, remote: Remote, account: str, delivery: Delivery) -> bool:
        """False: the connection may be of no use any more. Raises Unreachable, Stopped."""
        path, root = delivery.export.path, export_source(self._settings, account)
        try:
            with source(root / path, self._stopping) as files:
                deliver(remote, posixpath.join(remote.base or "/", path), files, lambda: self._go_on(delivery))
        except Missing as error:
            if not root.is_dir():
                raise Unreachable(f"There is no folder {root}. Is its disk mounted?") from error
            deliveries.missing(delivery, str(error))
            log.warning("target %s: %s is failed: %s", self._target, path, error)
            return True
        except Refused as error:
            self._refuse(delivery, error)
            return True
        except (Unreachable, Stopped, PeeweeException):
            raise  # Nothing that the other side has refused.
        except Exception as error:
            log.exception("target %s: %s", self._target, path)
            self._refuse(delivery, error)
            return False
        deliveries.delivered(delivery)
        log.info("target %s: delivered %s, revision %s", self._target, path, delivery.revision)
        return True

    def _go_on(self, delivery: Delivery) -> None:
        """A stream that was left behind by a lost leadership must not rename what the next one has begun to write, nor
        put an older revision in the place of what that one has delivered. Nor is a place
        served that the target has left."""
        if self._stopping.is_set() or not deliveries.waits(delivery):
            raise Stopped

    def _refuse(self, delivery: Delivery, error: Exception) -> None:
        words = clean(error, self._secret)
        state = deliveries.refused(delivery, words, now())
        log.warning("target %s: %s is %s: %s", self._target, delivery.export.path, state, words)

    def _hold(self, error: Exception) -> None:
        words = clean(error, self._secret)
        # The monotonic clock leaves out what the machine slept.
        took = dt.timedelta(seconds=time.monotonic() - self._began)
        given_up = deliveries.held(self._target, words, now(), took, self._url)
        log.warning("target %s is held: %s%s", self._target, words, f"; {given_up} given up" if given_up else "")


class StreamThread:
    """A stream on its thread. A daemon: of a server that does not answer, a stop does not wait for the end."""

    def __init__(self, stream: Stream, name: str) -> None:
        self._thread = threading.Thread(target=self._run, args=(stream,), name=name, daemon=True)
        self._thread.start()

    def _run(self, stream: Stream) -> None:
        try:
            stream.run()
        except Exception:
            log.exception("%s failed", self._thread.name)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def join(self, patience: float) -> None:
        with contextlib.suppress(RuntimeError):
            self._thread.join(patience)
