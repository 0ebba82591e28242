"""The database of the service: SQLite in a file, or PostgreSQL; ways to read and to write.

    with database.write() as connection: …     # a transaction, committed at the end
    database.change(lambda connection: …)      # the same, sharing the commit with other threads
    with database.read() as connection: …      # sees one state of the database throughout

On SQLite all writing of this process goes through one connection, in turn, and begins with the
write lock: no transaction fails half-way because another was quicker. Readers never wait for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from contextvars import copy_context
from pathlib import Path
from shutil import disk_usage
from threading import Condition, Lock
from typing import Any, Final, Generic, Literal, TypeVar, cast

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InterfaceError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import ConnectionPoolEntry

_READERS: Final = 10
_BUSY_SECONDS: Final = 30
_SQLITE: Final = (
    "journal_mode = WAL",
    # An answered upload must outlive a power cut, not only a crash of the program.
    "synchronous = FULL",
    f"busy_timeout = {_BUSY_SECONDS * 1000}",
    "foreign_keys = ON",
    # What is deleted names people: it is overwritten.
    "secure_delete = ON",
    "cache_size = -16000",
    "temp_store = MEMORY",
)
_AGAIN: Final = frozenset({"40001", "40P01"})
"""Of PostgreSQL: the transaction was undone for the sake of another one."""
_TRIES: Final = 3
_ROOM: Final = 1 << 18
_DRIVERS: Final = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
    "sqlite": "sqlite",
}

T = TypeVar("T")

Trouble = Literal["away", "full"]


def database_url(given: str) -> URL:
    """Return the URL of a database that the service can use.

    Raises:
        ValueError: it is no URL, or of another kind of database; in Chinese, without the password.
    """
    try:
        url = make_url(given)
    except ArgumentError:
        raise ValueError(_NO_URL) from None
    driver = _DRIVERS.get(url.drivername)
    if driver is None or (driver == "sqlite" and not url.database):
        raise ValueError(_NO_URL)
    return url.set(drivername=driver)


_NO_URL: Final = (
    "数据库地址要写成 postgresql://用户:密码@主机:5432/库名，或 sqlite:////文件夹/hecha.db。"
)


def trouble_of(error: BaseException) -> Trouble | None:
    """Tell whether an error means that the database does not answer, or that its disk is full.

    None is any other error, a mistake of the program among them.
    """
    if isinstance(error, PoolTimeoutError):
        return "away"
    if not isinstance(error, DBAPIError):
        return None
    state = getattr(error.orig, "sqlstate", None) or ""
    name = getattr(error.orig, "sqlite_errorname", None) or ""
    if state == "53100" or name == "SQLITE_FULL":
        return "full"
    if (
        state
    ):  # 08 no connection, 53 no resources, 57 shut down, 40 to be tried again, 25006 standby
        away = state.startswith(("08", "53", "57", "40")) or state == "25006"
        return "away" if away else None
    if name:
        return "away" if name.startswith(_AWAY) else None
    return "away" if isinstance(error, (OperationalError, InterfaceError)) else None


_AWAY: Final = (
    "SQLITE_BUSY",
    "SQLITE_LOCKED",
    "SQLITE_IOERR",
    "SQLITE_CANTOPEN",
    "SQLITE_READONLY",
    "SQLITE_NOTADB",
)


class Database:
    """One open database; safe to use from many threads."""

    def __init__(self, url: str | URL) -> None:
        """Prepare it; a SQLite file and its folder are made, readable by their owner alone.

        Raises:
            ValueError: the URL is not one of a database that can be used.
            OSError: the file cannot be made.
        """
        self.url = database_url(url) if isinstance(url, str) else url
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._turn = Lock()
        self._told = Condition()
        self._is_led = False
        """One thread at a time does what was asked for, under `_told` like the list of it."""
        self._asked: list[_Asked[Any]] = []
        if self.is_sqlite:
            path = Path(self.url.database or "")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600, exist_ok=True)
            self._reader = _sqlite_engine(self.url, "DEFERRED", _READERS)
            self._writer = _sqlite_engine(self.url, "IMMEDIATE", 1)
        else:
            self._reader = self._writer = _postgresql_engine(self.url)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction: committed at the end of the block, undone by an exception.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database does not answer; see `trouble_of`.
        """
        if self.is_sqlite:
            with self._turn, self._writer.begin() as connection:
                yield connection
        else:
            with self._writer.begin() as connection:
                yield connection

    def change(self, step: Callable[[Connection], T], *, is_long: bool = False) -> T:
        """Do a step in a transaction, on SQLite together with those that other threads ask for.

        While one transaction is brought to the disk the next steps gather: many small changes at
        once then cost few commits. A step that fails is undone alone, and raises here. A long one
        lets all short ones go first and has its transaction for itself: whoever uploads a file
        does not wait for results that are stored. On PostgreSQL each step has its own transaction:
        several in one would hold rows while they wait for others. One that met a deadlock is done
        again.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database does not answer; see `trouble_of`.
        """
        if not self.is_sqlite:
            return self._change_alone(step)
        asked: _Asked[T] = _Asked(step)
        with self._told:
            if not is_long:
                self._asked.append(asked)
            while self._is_led and not asked.is_done:
                self._told.wait()
            if asked.is_done:
                return asked.answer()
            self._is_led = True
        try:
            self._commit_short()
            if is_long:
                self._commit([asked])
        finally:
            with self._told:
                self._is_led = False
                self._told.notify_all()
        return asked.answer()

    def _change_alone(self, step: Callable[[Connection], T]) -> T:
        for left in reversed(range(_TRIES)):
            try:
                with self.write() as connection:
                    return step(connection)
            except DBAPIError as error:
                if not left or getattr(error.orig, "sqlstate", None) not in _AGAIN:
                    raise
        raise AssertionError  # pragma: no cover - the last try returns or raises

    def _commit_short(self) -> None:
        """Do the short steps that were asked for; those who asked go on at once."""
        with self._told:
            together, self._asked = self._asked, []
        if together:
            self._commit(together)
            with self._told:
                self._told.notify_all()

    def _commit(self, together: list[_Asked[Any]]) -> None:
        try:
            with self.write() as connection:
                for asked in together:
                    asked.take(connection, is_alone=len(together) == 1)
        except BaseException as error:
            for asked in together:
                asked.fail(error)
            if not isinstance(error, Exception):
                raise
        else:
            for asked in together:
                asked.is_done = True

    def read(self) -> AbstractContextManager[Connection]:
        """Open a connection for queries alone.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database does not answer; see `trouble_of`.
        """
        return self._reader.connect()

    def ping(self) -> None:
        """Ask the database for an answer.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: there is none.
        """
        with self.read() as connection:
            connection.execute(text("SELECT 1 FROM documents LIMIT 1"))

    def forget(self) -> None:
        """Empty the write-ahead log of SQLite, which still holds what was deleted."""
        if self.is_sqlite:
            # Not in a transaction, which SQLAlchemy would begin.
            with (
                self._turn,
                closing(self._writer.raw_connection()) as connection,
                closing(connection.cursor()) as cursor,
            ):
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def trouble(self, error: BaseException) -> Trouble | None:
        """Tell as `trouble_of` does, and on SQLite see a full disk behind an error of reading it.

        Without room for its shared memory or its log SQLite speaks of a disk error.
        """
        found = trouble_of(error)
        if found == "away" and self.is_sqlite:
            with suppress(OSError):
                folder = Path(self.url.database or "").absolute().parent
                return "full" if disk_usage(folder).free < _ROOM else found
        return found

    def take_turn(self, connection: Connection, what: int) -> None:
        """Let one transaction at a time go on from here to its end, on every machine.

        On SQLite it holds the write lock already.
        """
        if not self.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:what)"), {"what": what})

    def close(self) -> None:
        """Close all connections."""
        self._reader.dispose()
        self._writer.dispose()


class _Asked(Generic[T]):
    """A step that a thread asked for, and what came of it."""

    def __init__(self, step: Callable[[Connection], T]) -> None:
        self.is_done = False
        """Whether the transaction is over, for good or ill."""
        self._step = step
        # Another thread may do the step: who is at work goes along.
        self._context = copy_context()
        self._result: T | None = None
        self._error: Exception | None = None

    def take(self, connection: Connection, *, is_alone: bool) -> None:
        """Do the step; among others its error is kept for who asked, alone it is raised."""
        if is_alone:
            self._result = self._context.run(self._step, connection)
            return
        try:
            with connection.begin_nested():
                self._result = self._context.run(self._step, connection)
        except Exception as error:
            self._error = error
            if isinstance(error, DBAPIError):
                # The whole transaction may be gone with it, as on a full disk.
                connection.execute(text("SELECT 1"))

    def fail(self, error: BaseException) -> None:
        """The transaction failed: nothing of it is kept."""
        if self._error is None:
            self._error = error if isinstance(error, Exception) else RuntimeError("interrupted")
        self.is_done = True

    def answer(self) -> T:
        """Return what the step returned, or raise what it raised."""
        if self._error is not None:
            raise self._error
        return cast(T, self._result)


def _postgresql_engine(url: URL) -> Engine:
    return create_engine(
        url,
        pool_size=5,
        max_overflow=10,
        pool_timeout=10,
        # A server that was started anew must not cost a request.
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={
            "application_name": "hecha",
            "connect_timeout": 5,
            "options": "-c idle_in_transaction_session_timeout=60000 -c lock_timeout=30000",
        },
    )


def _sqlite_engine(url: URL, begin: str, connections: int) -> Engine:
    engine = create_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=_BUSY_SECONDS,
        hide_parameters=True,
        connect_args={"check_same_thread": False, "timeout": _BUSY_SECONDS},
    )

    def set_up(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        # The driver would begin transactions at a time of its own choice.
        connection.isolation_level = None
        cursor = connection.cursor()
        for setting in _SQLITE:
            cursor.execute(f"PRAGMA {setting}")
        cursor.close()

    def start(connection: Connection) -> None:
        connection.exec_driver_sql(f"BEGIN {begin}")

    event.listen(engine, "connect", set_up)
    event.listen(engine, "begin", start)
    return engine
