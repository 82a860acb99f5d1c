# SPDX-License-Identifier: LGPL-2.1-or-later
"""stage.py SETUP TRIAL: one trial with one daemon, beside a process 1 that reaps as init does."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from inside import below_a_reaper, is_free, is_listening, listening_holders, own_world, spawn, statuses, until  # noqa: E402

PORT = 18080


class Stage:
    """Where a daemon is started, asked about and stopped."""

    sacrificed = ()     # killed by the trial itself

    def __init__(self, setup):
        self.setup = setup
        self.port = PORT
        self.folder = pathlib.Path.cwd()
        self.wrong = []
        self.said = ""

    def spawn(self, argv, **more):
        return spawn(argv, log=self.folder / "log", **more)

    def holders(self):
        return listening_holders(self.port)

    def killed(self):
        """How many children of process 1 were ended by SIGKILL."""
        return sum(os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
                   for pid, status in statuses().items() if pid not in self.sacrificed)

    def addrinuse(self, *options):
        done = subprocess.run(["addrinuse", *options, "--reuseaddr", f"127.0.0.1:{self.port}"], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=100)
        return done.returncode, done.stdout.decode(errors="replace")

    def actions(self):
        return json.loads(self.addrinuse("--json")[1])["actions"]

    def check(self, good, what):
        if not good:
            self.wrong.append(what)
        return good

    def is_settled(self):
        looks = [len(self.holders()) for _ in range(5) if not time.sleep(0.05)]
        return looks == [self.setup.n_holders] * 5

    def start(self):
        self.setup.start(self)
        # Children that have just been forked hold it for a moment, too.
        if not until(lambda: is_listening(self.port)) or not until(self.is_settled):
            log = self.folder / "log"
            raise AssertionError(f"held by {self.holders()}: {log.read_text(errors='replace')[-800:] if log.exists() else ''}")


def pids(action):
    return {process["pid"] for process in action["processes"]}


def shown(actions):
    return " / ".join(f"{a['signal'] or a['kind']} {sorted(pids(a))[:4]} {a['sufficient']} {a['flags']}" for a in actions[:6])


def check_order(stage, actions):
    """SIGKILL only after SIGTERM, marked as the last resort, and never for a master without its workers."""
    termed = set()
    for action in actions:
        if action["signal"] == "KILL":
            stage.check(pids(action) & termed, f"SIGKILL without SIGTERM before it: {shown(actions)}")
            stage.check("last-resort" in action["flags"], f"SIGKILL is no last resort: {shown(actions)}")
            stage.check(set(stage.holders()) <= pids(action), f"SIGKILL would leave workers behind: {shown(actions)}")
        elif action["signal"] == "TERM":
            termed |= pids(action)


def first_term(actions):
    return next((action for action in actions if action["signal"] == "TERM"), {"processes": []})


def apply(stage, *option):
    """--apply, and whether it freed the address without SIGKILL."""
    status, said = stage.addrinuse("-q", *(option or ["--apply"]), "--yes")
    stage.said = said.strip().splitlines()[-1] if said.strip() else ""
    free = stage.check(until(lambda: is_free(stage.port), 3), f"still held by {stage.holders()}, status {status}: {said}")
    stage.check(status == 0 or not free, f"free, but status {status}: {said}")
    killed = stage.killed()
    stage.check(killed == 0, f"{killed} killed: {said}")
    return {"freed": free, "graceful": int(free and not killed), "killed": killed}


def stop(stage):
    """The default action."""
    stage.start()
    stage.setup.put(stage)
    master = stage.setup.master(stage)
    actions = stage.actions()
    check_order(stage, actions)
    stage.check(pids(first_term(actions)) == master, f"not for {sorted(master)}: {shown(actions)}")
    result = apply(stage)
    if result["freed"] and stage.setup.stores:
        stage.setup.settle(stage)
        stage.start()
        result["lost"] = stage.setup.lost(stage)
        stage.check(not result["lost"], f"{result['lost']} bytes of what was stored are lost")
    return result


def word(stage):
    """The daemon's own word for a graceful end, or a fast one."""
    stage.start()
    master = stage.setup.master(stage)
    actions = stage.actions()
    for number, action in enumerate(actions, 1):
        if action["signal"] == stage.setup.word:
            stage.check(pids(action) == master, f"not for {sorted(master)}: {shown(actions)}")
            return apply(stage, f"--apply={number}")
    stage.check(False, f"no action with {stage.setup.word}: {shown(actions)}")
    return {}


def orphans(stage):
    """The master was killed, as the out-of-memory killer does; its workers hold the address."""
    stage.start()
    stage.sacrificed = stage.setup.master(stage)
    for pid in stage.sacrificed:
        os.kill(pid, signal.SIGKILL)
    until(lambda: not set(stage.holders()) & stage.sacrificed)
    held = set(stage.holders())
    actions = stage.actions()
    check_order(stage, actions)
    stage.check(pids(first_term(actions)) == held, f"not for {sorted(held)}: {shown(actions)}")
    if not stage.setup.deaf_orphans:
        return apply(stage)
    # SIGTERM does nothing to them: they are not killed for that without being asked for.
    said = stage.addrinuse("-q", "--apply", "--yes")[1]
    stage.check(stage.killed() == 0 and set(stage.holders()) == held, f"killed: {said}")
    stage.check("KILL" in said, f"the next step is not named: {said}")
    stage.said = said.strip().splitlines()[-1]
    return {}


TRIALS = {"stop": stop, "word": word, "orphans": orphans}


def perform(setup, trial):
    own_world()
    stage = Stage(setup)
    result = {}
    try:
        result = TRIALS[trial](stage)
    except Exception as trouble:  # whatever it is, it belongs into the report
        stage.wrong.append(f"{type(trouble).__name__}: {trouble}")
    print(json.dumps({**result, "wrong": stage.wrong, "said": stage.said}), flush=True)
    return 0


if __name__ == "__main__":
    sys.modules["stage"] = sys.modules["__main__"]
    from setups import SETUPS
    wanted = next(setup for setup in SETUPS if setup.name == sys.argv[1])
    sys.exit(below_a_reaper(lambda: perform(wanted, sys.argv[2])))
