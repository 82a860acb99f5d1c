# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a setup says of its daemon."""
import shutil


class Setup:
    name = ""
    program = ""            # has to be installed
    n_holders = 1           # processes that have the listening descriptor
    stores = False          # put() and lost() are there
    word = None             # its graceful or fast signal, without SIG
    has_orphans = False     # workers go on listening when the master is killed
    deaf_orphans = False    # and do not answer SIGTERM

    def missing(self):
        return None if shutil.which(self.program) else self.program

    def trials(self):
        return ["stop"] + ["word"] * bool(self.word) + ["orphans"] * self.has_orphans

    def start(self, stage):
        """Start it; it need not listen yet."""
        raise NotImplementedError

    def master(self, stage):
        """The processes to be signalled, once it listens: the one holder that is parent of the others."""
        from inside import parent_of
        held = stage.holders()
        return {pid for pid in held if parent_of(pid) not in held}

    def put(self, stage):
        """Store something."""

    def settle(self, stage):
        """Wait until it may be started again."""

    def lost(self, stage):
        """How many bytes of what was stored are gone."""
        return 0


def configure(stage, text, name="conf"):
    """Write a configuration file with the port and the folder filled in; its path."""
    path = stage.folder / name
    path.write_text(text.replace("PORT", str(stage.port)).replace("FOLDER", str(stage.folder)))
    return path
