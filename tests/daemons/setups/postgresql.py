# SPDX-License-Identifier: LGPL-2.1-or-later
import glob
import os
import pwd
import subprocess

from .setup import Setup

VALUE = "a row that was committed"


class PostgreSQL(Setup):
    name = "postgresql"
    program = "postgres"
    stores = True
    word = "INT"

    def __init__(self):
        self.bin = (sorted(glob.glob("/usr/lib/postgresql/*/bin")) or [None])[-1]

    def missing(self):
        return None if self.bin else "/usr/lib/postgresql"

    def run(self, stage, *argv):
        user = pwd.getpwnam("postgres")
        return subprocess.run([str(word) for word in argv], user=user.pw_uid, group=user.pw_gid, extra_groups=[], check=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=100).stdout

    def start(self, stage):
        user = pwd.getpwnam("postgres")
        data = stage.folder / "data"
        if not data.exists():
            data.mkdir()
            os.chown(data, user.pw_uid, user.pw_gid)
            self.run(stage, f"{self.bin}/initdb", "-D", data, "-A", "trust", "-N", "--locale=C")
        stage.spawn([f"{self.bin}/postgres", "-D", data, "-p", stage.port, "-k", data, "-c", "listen_addresses=127.0.0.1",
                     "-c", "fsync=off"], uid=user.pw_uid, gid=user.pw_gid)

    def sql(self, stage, text):
        from inside import until
        said = []

        def answered():
            try:
                said.append(self.run(stage, f"{self.bin}/psql", "-h", "127.0.0.1", "-p", stage.port, "-Atc", text, "postgres"))
                return True
            except subprocess.CalledProcessError:
                return False        # still starting up
        return said[0] if until(answered) else ""

    def put(self, stage):
        self.sql(stage, f"CREATE TABLE t AS SELECT '{VALUE}'::text")

    def lost(self, stage):
        return 0 if VALUE in self.sql(stage, "SELECT * FROM t") else len(VALUE)

    def settle(self, stage):
        from inside import until
        until(lambda: not (stage.folder / "data/postmaster.pid").exists())


SETUPS = [PostgreSQL()]
