"""Lets Django's own migration make the session table: migrate_sessions.py DATABASE-AS-JSON."""

import json
import sys

try:
    import pymysql

    pymysql.install_as_MySQLdb()
except ImportError:
    pass

import django
from django.conf import settings
from django.core.management import call_command

settings.configure(
    DATABASES={"default": json.loads(sys.argv[1])},
    INSTALLED_APPS=["django.contrib.sessions"],
    USE_TZ=True,
)
django.setup()
call_command("migrate", verbosity=0)
print(django.get_version())
