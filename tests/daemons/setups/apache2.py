# SPDX-License-Identifier: LGPL-2.1-or-later
from .setup import Setup, configure

CONFIGURATION = """
ServerName localhost
ServerRoot FOLDER
DefaultRuntimeDir FOLDER
PidFile FOLDER/pid
ErrorLog FOLDER/errors
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
StartServers 2
MinSpareThreads 25
User nobody
Group nogroup
Listen 127.0.0.1:PORT
DocumentRoot FOLDER
"""


class Apache(Setup):
    name = "apache2"
    program = "apache2"
    n_holders = 3
    word = "WINCH"
    has_orphans = True
    deaf_orphans = True

    def start(self, stage):
        stage.spawn(["apache2", "-DFOREGROUND", "-f", configure(stage, CONFIGURATION)])


SETUPS = [Apache()]
