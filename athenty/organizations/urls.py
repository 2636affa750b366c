from django.urls import path

from athenty.organizations import views

app_name = "organizations"
urlpatterns = [
    path("sign-in/", views.sign_in, name="sign_in"),
    path("sign-out/", views.sign_out, name="sign_out"),
    path("organization/", views.choose, name="choose"),
]
