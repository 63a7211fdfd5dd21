"""The tables. Each step of MIGRATIONS leads from one `user_version` to the next and is never changed again."""

APPLICATION_ID = 0x72724453
"""Marks the file as rrdnsd's ("rrDS"), so that a foreign file is not taken for ours."""

_FIRST = f"""
PRAGMA application_id = {APPLICATION_ID};

CREATE TABLE event (
    id INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    kind TEXT NOT NULL,
    service TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    node TEXT NOT NULL,
    text TEXT NOT NULL,
    details TEXT NOT NULL
);

CREATE TABLE ledger (
    key TEXT PRIMARY KEY,
    stamp TEXT NOT NULL,
    value TEXT,
    who TEXT NOT NULL,
    why TEXT NOT NULL,
    node TEXT NOT NULL,
    at REAL NOT NULL
) WITHOUT ROWID;

CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,
    who TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    why TEXT NOT NULL,
    "before" TEXT,
    "after" TEXT,
    request_id TEXT UNIQUE
);

CREATE TABLE endpoint (
    id INTEGER PRIMARY KEY,
    service TEXT NOT NULL,
    address TEXT NOT NULL,
    seen INTEGER NOT NULL,
    UNIQUE (service, address)
);

-- Time comes first, so that a minute of all endpoints is written to a few neighbouring pages.
CREATE TABLE span (
    width INTEGER NOT NULL,
    start INTEGER NOT NULL,
    endpoint INTEGER NOT NULL,
    probes INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    up REAL NOT NULL,
    known REAL NOT NULL,
    latency BLOB NOT NULL,
    PRIMARY KEY (width, start, endpoint)
) WITHOUT ROWID;

CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    endpoint INTEGER NOT NULL,
    started REAL NOT NULL,
    last REAL NOT NULL,
    ok INTEGER NOT NULL,
    count INTEGER NOT NULL,
    reason TEXT NOT NULL
);
CREATE INDEX run_endpoint ON run (endpoint, started);
"""

_SECOND = """
CREATE TABLE membership (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    base TEXT NOT NULL,
    version INTEGER NOT NULL,
    nodes TEXT NOT NULL,
    promised TEXT NOT NULL,
    accepted TEXT,
    file TEXT NOT NULL
);
"""

_THIRD = """
CREATE TABLE listed (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    services TEXT NOT NULL
);
"""

_FOURTH = """
CREATE TABLE remembered (
    service TEXT NOT NULL,
    address TEXT NOT NULL,
    verdict TEXT NOT NULL,
    reason TEXT NOT NULL,
    since REAL NOT NULL,
    vote TEXT NOT NULL,
    vote_reason TEXT NOT NULL,
    PRIMARY KEY (service, address)
) WITHOUT ROWID;

CREATE TABLE alive (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    at REAL NOT NULL
);
"""

MIGRATIONS = (_FIRST, _SECOND, _THIRD, _FOURTH)
