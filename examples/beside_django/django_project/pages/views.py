"""A page that shows the session that Axum sees, too, and changes it."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe


@login_required
def home(request):
    if request.method == "POST":
        request.session["count"] = request.session.get("count", 0) + 1
        messages.success(request, "counted in Django")
        # Axum shows the message.
        return redirect("/axum/")
    context = {"count": request.session.get("count", 0), "axum": settings.AXUM_URL}
    return render(request, "pages/home.html", context)


@require_safe
def to_axum(request):
    """What the proxy in front of both does on a real site: what begins with /axum/ is Axum's."""
    return redirect(settings.AXUM_URL + request.get_full_path())
