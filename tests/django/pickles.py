"""Pickles for the tests and from them. `write SEED COUNT`: random sessions, one a line, in turn of every protocol.
`read`: one pickle a line in hexadecimal digits, each answered by what it holds. `read-damaged`: the same, for what may be no pickle.
`sessions`: signed sessions, each answered by what Django finds and by what it stores of that."""

import datetime
import decimal
import io
import pickle
import random
import struct
import sys
import uuid
import zoneinfo

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.core.cache.backends.redis import RedisSerializer

UTC = datetime.timezone.utc


def canonical(value):
    """The text of a value that `tests/pickle/canonical.rs` makes, too."""
    kind = type(value).__name__
    if value is None:
        return "None"
    if kind == "bool":
        return f"bool:{int(value)}"
    if kind == "int":
        return f"int:{value}"
    if kind == "float":
        return "float:nan" if value != value else "float:" + struct.pack(">d", value).hex()
    if kind == "str":
        return "str:" + value.encode("utf-8", "surrogatepass").hex()
    if kind in ("bytes", "bytearray"):
        return f"{kind}:{value.hex()}"
    if kind in ("list", "tuple"):
        return f"{kind}[{','.join(map(canonical, value))}]"
    if kind in ("set", "frozenset"):
        return f"{kind}[{','.join(sorted(map(canonical, value)))}]"
    if kind == "dict":
        return f"dict[{','.join(f'{canonical(k)}={canonical(v)}' for k, v in value.items())}]"
    if kind == "date":
        return f"date:{value.isoformat()}"
    if kind == "datetime":
        clock = value.time().isoformat("microseconds")
        return f"datetime:{value.date().isoformat()} {clock} {zone(value)}"
    if kind == "time":
        return f"time:{value.replace(tzinfo=None).isoformat('microseconds')} {zone(value)}"
    if kind == "timedelta":
        return f"timedelta:{value // datetime.timedelta(microseconds=1)}"
    if kind == "Decimal":
        return f"Decimal:{value}"
    if kind == "UUID":
        return f"UUID:{value.hex}"
    raise TypeError(kind)


def zone(value):
    if value.tzinfo is None:
        return "naive"
    if isinstance(value.tzinfo, zoneinfo.ZoneInfo):
        return value.tzinfo.key
    offset = value.tzinfo.utcoffset(None)
    return str(offset.days * 86400 + offset.seconds)


def whole(value):
    """What no text above tells."""
    if isinstance(value, (datetime.datetime, datetime.time)):
        return value.fold, repr(value.tzinfo)
    if isinstance(value, (list, tuple)):
        return [whole(item) for item in value]
    if isinstance(value, dict):
        return [whole(item) for item in value.values()]
    return None


def text(rng):
    return rng.choice(["", "a", "Jürgen", "🎷\x7f\x00\n\r\x1a\"\\u0041\\", "\ud800", "\uffff", "x" * 300])


def scalar(rng):
    moment = datetime.datetime(rng.randint(1, 9999), rng.randint(1, 12), rng.randint(1, 28), rng.randint(0, 23),
                               rng.randint(0, 59), rng.randint(0, 59), rng.choice([0, 5, 999999]))
    offset = datetime.timedelta(seconds=rng.choice([0, 3600, -12600, 86399, 1]))
    zones = [None, UTC, datetime.timezone(offset), datetime.timezone(offset, "name"), zoneinfo.ZoneInfo("Europe/Berlin")]
    return rng.choice([
        lambda: None,
        lambda: rng.choice([True, False]),
        lambda: rng.choice([0, 1, -1, 255, 256, 65536, -(2 ** 31), 2 ** 31, 2 ** 63, -(2 ** 63) - 1, 10 ** 40]),
        lambda: rng.getrandbits(rng.randint(1, 3000)) * rng.choice([1, -1]),
        lambda: rng.choice([0.0, -0.0, 1.0, 1e16, 1e-7, 1e22, 5e-324, float("inf"), float("-inf"), float("nan")]),
        lambda: rng.uniform(-1e9, 1e9),
        lambda: text(rng),
        lambda: rng.choice([b"", b"\x00\xff\n", b"x" * 300]),
        lambda: bytearray(rng.choice([b"", b"\x00\xff\n"])),
        lambda: moment.date(),
        lambda: moment.replace(tzinfo=rng.choice(zones), fold=rng.choice([0, 1])),
        lambda: moment.time().replace(tzinfo=rng.choice(zones[:4]), fold=rng.choice([0, 1])),
        lambda: datetime.timedelta(rng.randint(-9999, 9999), rng.randint(0, 86399), rng.randint(0, 999999)),
        lambda: decimal.Decimal(rng.choice(["1.50", "-0", "1E+28", "NaN", "sNaN12", "-Infinity", "0.1"])),
        lambda: uuid.UUID(int=rng.getrandbits(128)),
        lambda: uuid.UUID(int=rng.getrandbits(128), is_safe=uuid.SafeUUID.safe),
    ])()


def value(rng, depth=3):
    if depth == 0 or rng.random() < 0.6:
        return scalar(rng)
    items = [value(rng, depth - 1) for _ in range(rng.choice([0, 1, 2, 3, 4]))]
    names = [rng.choice([n, str(n), bytes([n]), (n, "x"), frozenset([n])]) for n in range(2, 2 + len(items))]
    if items and rng.random() < 0.2:
        items.append(items[0])
    return rng.choice([
        lambda: items,
        lambda: tuple(items),
        lambda: set(names),
        lambda: frozenset(names),
        lambda: dict(zip(names, items)),
        lambda: {"a": items, "b": items},
    ])()


def write(seed, count):
    rng = random.Random(seed)
    for number in range(count):
        protocol = number % 6
        session = {"v": value(rng), text(rng) + "2": value(rng)}
        dumped = pickle.dumps(session, protocol)
        # The other implementation of Python's own, which writes other instructions.
        if number % 12 >= 6:
            dumped = pickle._dumps(session, protocol)
        # As Python reads it: the early protocols lose the fold of a date.
        session = pickle.loads(dumped)
        print(dumped.hex(), canonical(session), whole(session), sep="\t")


def read():
    for line in sys.stdin:
        session = RedisSerializer().loads(bytes.fromhex(line.strip()))
        print(canonical(session), whole(session), sep="\t")


class DataOnly(pickle.Unpickler):
    """Imports nothing but what the data of these tests is made of."""

    def find_class(self, module, name):
        known = {"datetime", "decimal", "uuid", "zoneinfo", "_codecs", "copyreg", "copy_reg", "builtins", "__builtin__"}
        names = {"datetime", "date", "time", "timedelta", "timezone", "Decimal", "UUID", "ZoneInfo", "encode",
                 "_reconstructor", "object", "set", "frozenset", "bytes", "bytearray"}
        if module in known and name in names:
            return super().find_class(module, name)
        raise pickle.UnpicklingError("not data")


def read_damaged():
    for line in sys.stdin:
        try:
            session = DataOnly(io.BytesIO(bytes.fromhex(line.strip()))).load()
            print(canonical(session), whole(session), sep="\t")
        except Exception as error:
            print("refused", f"{type(error).__name__}: {error}".replace("\n", " "), sep="\t")


class PickleSerializer:
    """The serializer that Django had before 5.0."""

    def dumps(self, obj):
        return pickle.dumps(obj, pickle.HIGHEST_PROTOCOL)

    def loads(self, data):
        return pickle.loads(data)


def sessions():
    settings.configure(SECRET_KEY="secret", USE_TZ=True, SESSION_SERIALIZER="__main__.PickleSerializer")

    class SessionStore(SessionBase):
        """Salts as the store of that name does."""

    SessionStore.__qualname__ = "SessionStore"
    for line in sys.stdin:
        store = SessionStore()
        store._session_cache = store.decode(line.strip())
        print(canonical(store._session_cache), store.get_expiry_date().isoformat(), store.encode(store._session_cache),
              sep="\t")


sys.stdout.reconfigure(encoding="utf-8")
if sys.argv[1] == "write":
    write(int(sys.argv[2]), int(sys.argv[3]))
elif sys.argv[1] == "read":
    read()
elif sys.argv[1] == "sessions":
    sessions()
else:
    read_damaged()
