"""Django's own manage.py, which also ends when the program that started it does."""

import os
import sys
import threading

from django.core.management import execute_from_command_line


def end_with_standard_input():
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    if "END_WITH_STDIN" in os.environ:
        threading.Thread(target=end_with_standard_input, daemon=True).start()
    execute_from_command_line(sys.argv)
