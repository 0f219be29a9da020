import os

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Makes the user `demo`, who may use the admin, with the password DEMO_PASSWORD."

    def handle(self, **options):
        user, _ = get_user_model().objects.get_or_create(username="demo")
        user.is_staff = user.is_superuser = True
        # A new hash, even of the same password, would end the user's sessions.
        if not user.check_password(os.environ["DEMO_PASSWORD"]):
            user.set_password(os.environ["DEMO_PASSWORD"])
        user.save()
