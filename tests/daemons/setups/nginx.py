# SPDX-License-Identifier: LGPL-2.1-or-later
from .setup import Setup, configure

CONFIGURATION = """
daemon DAEMON; worker_processes WORKERS; pid FOLDER/pid; user nobody nogroup;
events {}
http { access_log off; client_body_temp_path FOLDER/body; proxy_temp_path FOLDER/proxy; fastcgi_temp_path FOLDER/fastcgi;
       uwsgi_temp_path FOLDER/uwsgi; scgi_temp_path FOLDER/scgi;
       server { listen 127.0.0.1:PORT; return 200 "here"; } }
"""


class Nginx(Setup):
    name = "nginx"
    program = "nginx"
    n_holders = 3
    word = "QUIT"
    has_orphans = True
    daemon = "off"

    def start(self, stage):
        text = CONFIGURATION.replace("WORKERS", str(self.n_holders - 1)).replace("DAEMON", self.daemon)
        stage.spawn(["nginx", "-e", stage.folder / "errors", "-c", configure(stage, text)])


class Daemonized(Nginx):
    name = "nginx daemonized"
    daemon = "on"


class Crowd(Nginx):
    name = "nginx with 40 workers"
    n_holders = 41


SETUPS = [Nginx(), Daemonized(), Crowd()]
