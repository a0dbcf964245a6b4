"""How gunicorn serves the site: workers forked from a parent that has loaded it, and replaced as they age."""

import os

bind = "unix:web.sock"
pythonpath = os.path.dirname(os.path.abspath(__file__))
wsgi_app = "web:app"
preload_app = True
workers = 4
worker_class = "gthread"
threads = 3
max_requests = 200
max_requests_jitter = 50
control_socket_disable = True  # it would lie in the home folder, the same for every server

# The log without the time, which no two runs share.
logconfig_dict = {
    "version": 1,
    "formatters": {"generic": {"format": "%(levelname)s %(message)s"}},
}
