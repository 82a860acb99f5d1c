# SPDX-License-Identifier: LGPL-2.1-or-later
import os

from .setup import Setup, configure

CONFIGURATION = """
http_port 127.0.0.1:PORT
pid_filename FOLDER/pid
cache_log FOLDER/cache.log
access_log none
cache_store_log none
coredump_dir FOLDER
cache_effective_user proxy
pinger_enable off
netdb_filename none
"""


class Squid(Setup):
    """Its child listens, the parent would start another one."""
    name = "squid"
    program = "squid"
    word = "INT"

    def start(self, stage):
        os.makedirs("/run/squid", exist_ok=True)
        stage.folder.chmod(0o777)
        stage.spawn(["squid", "--foreground", "-n", "trial", "-f", configure(stage, CONFIGURATION)])

    def master(self, stage):
        from inside import parent_of
        return {parent_of(pid) for pid in stage.holders()}


SETUPS = [Squid()]
