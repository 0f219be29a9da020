"""Django's own engine, with `USE_TZ = False`, ends a session at a date, or says when one ends.

local_time.py ENGINE TIME_ZONE SECRET_KEY PLACE, and then

    write           stores a session that ends in 90 seconds
    read KEY        loads a session
    adopt JSON      stores a session with these data, as another one does who hands them on

prints the key, the data, the text of the date, the date in microseconds since 1970 and the age in seconds.
"""

import datetime
import json
import os
import sys
import time

import django
from django.conf import settings

engine, time_zone, secret_key, place, do = sys.argv[1:6]
# As a settings module does; `configure` leaves the clock alone.
os.environ["TZ"] = time_zone
time.tzset()
settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{place}/db.sqlite3"}},
    CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
    INSTALLED_APPS=["django.contrib.sessions"],
    SECRET_KEY=secret_key,
    SESSION_ENGINE=f"django.contrib.sessions.backends.{engine}",
    SESSION_FILE_PATH=f"{place}/files",
    TIME_ZONE=time_zone,
    USE_TZ=False,
)
django.setup()

from importlib import import_module  # noqa: E402

from django.utils import timezone  # noqa: E402

SessionStore = import_module(settings.SESSION_ENGINE).SessionStore
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)

if do == "read":
    session = SessionStore(sys.argv[6])
else:
    session = SessionStore()
    if do == "write":
        session.set_expiry(datetime.timedelta(seconds=90))
    else:
        session.update(json.loads(sys.argv[6]))
    session.save()
    # As the next request finds it; what is in this process's cache is here alone.
    session = SessionStore(session.session_key)

data = dict(session.items())
date = timezone.make_aware(session.get_expiry_date(), timezone.get_default_timezone())
print(
    json.dumps(
        {
            "key": session.session_key,
            "data": json.dumps(data),
            "text": data["_session_expiry"],
            "date": (date - EPOCH) // datetime.timedelta(microseconds=1),
            "age": session.get_expiry_age(),
        }
    )
)
