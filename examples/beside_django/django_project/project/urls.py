from django.contrib import admin
from django.urls import path, re_path

from pages import views

urlpatterns = [
    path("", views.home),
    re_path("^axum/", views.to_axum),
    path("admin/", admin.site.urls),
]
