/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cgroup-parse.c: every naming scheme, with where it was seen, and nonsense. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backends.h"
#include "backend/cgroup/cgroup-parse.h"
#include "util/macro.h"
#include "fixture/run-suite.h"
#include "snapshot/snapshot.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER_ID "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
#define NO_ID "g123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct {
        const char *text;
        enum aiu_manager_kind kind;
        const char *unit, *container;
        uid_t user;
} rows[] = {
        /* unified hierarchy, systemd 252 */
        { "0::/system.slice/nginx.service\n", AIU_MANAGER_SYSTEMD, "nginx.service", "", -1u },
        { "0::/system.slice/system-inst.slice/inst@80.service\n", AIU_MANAGER_SYSTEMD, "inst@80.service", "", -1u },
        { "0::/system.slice/a\\x2db.service/worker", AIU_MANAGER_SYSTEMD, "a\\x2db.service", "", -1u },
        { "0::/system.slice/x.socket\n", AIU_MANAGER_SYSTEMD, "x.socket", "", -1u },
        { "0::/user.slice/user-1000.slice/session-3.scope\n", AIU_MANAGER_NONE, "session-3.scope", "", -1u },
        { "0::/user.slice/user-1000.slice/user@1000.service/app.slice/web.service\n", AIU_MANAGER_SYSTEMD_USER,
          "web.service", "", 1000 },
        { "0::/user.slice/user-1000.slice/user@1000.service/init.scope\n", AIU_MANAGER_SYSTEMD_USER, "", "", 1000 },
        { "0::/init.scope\n", AIU_MANAGER_SYSTEMD, "", "", -1u },
        /* hybrid and v1: the hierarchy that systemd names tells; others only repeat or lag behind */
        { "5:memory:/x\n1:name=systemd:/system.slice/a.service\n0::/system.slice/b.service\n", AIU_MANAGER_SYSTEMD,
          "a.service", "", -1u },
        { "9:name=systemd:/\n8:pids:/\n0::/\n", AIU_MANAGER_UNKNOWN, "", "", -1u },
        { "4:memory:/system.slice/a.service\n", AIU_MANAGER_UNKNOWN, "", "", -1u },
        /* seen from inside another cgroup namespace */
        { "0::/../..\n", AIU_MANAGER_UNKNOWN, "", "", -1u },
        { "0::/../other.service\n", AIU_MANAGER_SYSTEMD, "other.service", "", -1u },
        /* systemd 219 (RHEL 7) and 241 (Debian 10), v1: every controller repeats it. proc(5), cgroups(7) */
        { "11:cpu,cpuacct:/system.slice/nginx.service\n1:name=systemd:/system.slice/nginx.service\n",
          AIU_MANAGER_SYSTEMD, "nginx.service", "", -1u },
        { "3:memory:/user.slice\n1:name=systemd:/user.slice/user-0.slice/session-12.scope\n", AIU_MANAGER_NONE,
          "session-12.scope", "", -1u },
        /* systemd 241, v1: user@.service, before app.slice was (246) */
        { "1:name=systemd:/user.slice/user-1000.slice/user@1000.service/web.service\n", AIU_MANAGER_SYSTEMD_USER,
          "web.service", "", 1000 },
        /* hybrid: 0:: lags behind while a process is moved */
        { "1:name=systemd:/system.slice/a.service\n0::/\n", AIU_MANAGER_SYSTEMD, "a.service", "", -1u },
        /* elogind and OpenRC have hierarchies of their own name, and no units: their sources */
        { "1:name=elogind:/1\n", AIU_MANAGER_UNKNOWN, "", "", -1u },
        { "1:name=openrc:/nginx\n", AIU_MANAGER_UNKNOWN, "", "", -1u },
        /* cg_escape() of systemd; " (deleted)" of proc_cgroup_show() */
        { "0::/system.slice/_cpu.service\n", AIU_MANAGER_SYSTEMD, "cpu.service", "", -1u },
        { "0::/system.slice/gone.service (deleted)\n", AIU_MANAGER_SYSTEMD, "gone.service", "", -1u },
        /* DelegateSubgroup= (systemd 254), a desktop's scopes (XDG application cgroups), tmux's */
        { "0::/system.slice/a.service/supervisor\n", AIU_MANAGER_SYSTEMD, "a.service", "", -1u },
        { "0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-gnome-x-12.scope\n", AIU_MANAGER_NONE,
          "app-gnome-x-12.scope", "", 1000 },
        { "0::/user.slice/user-1000.slice/user@1000.service/app.slice/vte-spawn-1.scope\n", AIU_MANAGER_NONE,
          "vte-spawn-1.scope", "", 1000 },
        { "0::/user.slice/user-1000.slice/user@1000.service/tmux-spawn-1.scope\n", AIU_MANAGER_NONE,
          "tmux-spawn-1.scope", "", 1000 },
        /* docker: moby's daemon/oci_linux.go, drivers systemd and cgroupfs, v2 and v1 */
        { "0::/system.slice/docker-" ID ".scope\n", AIU_MANAGER_DOCKER, "docker-" ID ".scope", ID, -1u },
        { "12:pids:/docker/" ID "\n1:name=systemd:/docker/" ID "\n", AIU_MANAGER_DOCKER, "", ID, -1u },
        { "12:pids:/docker/" ID "\n0::/system.slice/containerd.service\n", AIU_MANAGER_DOCKER, "", ID, -1u },
        { "0::/user.slice/user-1000.slice/user@1000.service/user.slice/docker-" ID ".scope\n", AIU_MANAGER_DOCKER,
          "docker-" ID ".scope", ID, 1000 },
        { "9:cpu:/ecs/0123-task/" ID "\n", AIU_MANAGER_DOCKER, "", ID, -1u }, /* Amazon's agent, task cgroups */
        /* podman 4.3, measured: rootful, conmon, rootless, --cgroups=split (quadlet), cgroupfs */
        { "0::/machine.slice/libpod-" ID ".scope/container\n", AIU_MANAGER_PODMAN, "libpod-" ID ".scope", ID, -1u },
        { "0::/machine.slice/libpod-conmon-" ID ".scope\n", AIU_MANAGER_PODMAN, "libpod-conmon-" ID ".scope", ID, -1u },
        { "0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope/container\n",
          AIU_MANAGER_PODMAN, "libpod-" ID ".scope", ID, 1000 },
        { "0::/system.slice/web.service/libpod-payload-" ID "\n", AIU_MANAGER_SYSTEMD, "web.service", ID, -1u },
        { "0::/system.slice/web.service/runtime\n", AIU_MANAGER_SYSTEMD, "web.service", "", -1u },
        { "5:pids:/libpod_parent/libpod-" ID "/ctr\n", AIU_MANAGER_PODMAN, "", ID, -1u },
        /* kubernetes: pkg/kubelet/cm, drivers systemd and cgroupfs; containerd, cri-o, dockershim */
        { "0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-" ID ".scope", AIU_MANAGER_KUBERNETES,
          "cri-containerd-" ID ".scope", ID, -1u },
        { "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/crio-" ID ".scope\n",
          AIU_MANAGER_KUBERNETES, "crio-" ID ".scope", ID, -1u },
        { "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/crio-conmon-" ID ".scope\n",
          AIU_MANAGER_KUBERNETES, "crio-conmon-" ID ".scope", ID, -1u },
        { "1:name=systemd:/kubepods.slice/kubepods-pod1.slice/docker-" ID ".scope\n", AIU_MANAGER_KUBERNETES,
          "docker-" ID ".scope", ID, -1u },
        { "0::/kubepods/besteffort/pod1/" ID "\n", AIU_MANAGER_KUBERNETES, "", ID, -1u },
        { "0::/system.slice/containerd.service/kubepods-besteffort-pod1.slice:cri-containerd:" ID "\n",
          AIU_MANAGER_KUBERNETES, "", ID, -1u },
        /* kind: a node is a container, and has pods; the innermost counts */
        { "0::/system.slice/docker-" OTHER_ID ".scope/kubelet.slice/kubelet-kubepods.slice/cri-containerd-" ID
          ".scope\n",
          AIU_MANAGER_KUBERNETES, "", ID, -1u },
        /* containerd: nerdctl (driver systemd), ctr's and nerdctl's namespaces (cgroupfs) */
        { "0::/system.slice/nerdctl-" ID ".scope\n", AIU_MANAGER_CONTAINERD, "nerdctl-" ID ".scope", ID, -1u },
        { "0::/default/" ID "\n", AIU_MANAGER_CONTAINERD, "", ID, -1u },
        { "0::/k8s.io/" ID "\n", AIU_MANAGER_KUBERNETES, "", ID, -1u },
        /* LXC 4 and later, LXC 3 and Proxmox (numbers), LXD and Incus (as LXC 4): lxc.container.conf(5) */
        { "0::/lxc.payload.web/system.slice\n", AIU_MANAGER_LXC, "", "web", -1u },
        { "0::/lxc.monitor.web\n", AIU_MANAGER_LXC, "", "web", -1u },
        { "1:name=systemd:/lxc/web/system.slice/a.service\n", AIU_MANAGER_LXC, "", "web", -1u },
        { "0::/lxc/101/ns/system.slice/a.service\n", AIU_MANAGER_LXC, "", "101", -1u },
        /* machined: machinectl(1), systemd-nspawn@.service, libvirt's names with their escapes */
        { "0::/machine.slice/machine-deb.scope\n", AIU_MANAGER_MACHINE, "machine-deb.scope", "deb", -1u },
        { "0::/machine.slice/systemd-nspawn@deb.service/payload/system.slice/a.service\n", AIU_MANAGER_MACHINE,
          "systemd-nspawn@deb.service", "deb", -1u },
        { "0::/machine.slice/machine-qemu\\x2d1\\x2dweb.scope/libvirt/emulator\n", AIU_MANAGER_MACHINE,
          "machine-qemu\\x2d1\\x2dweb.scope", "qemu-1-web", -1u },
        /* snapd: a service; what a user started is in a scope, with a UUID since snapd 2.48 */
        { "0::/system.slice/snap.lxd.daemon.service\n", AIU_MANAGER_SNAP, "snap.lxd.daemon.service", "lxd.daemon",
          -1u },
        { "0::/user.slice/user-1000.slice/user@1000.service/app.slice/snap.code.code-0123.scope\n", AIU_MANAGER_SNAP,
          "snap.code.code-0123.scope", "", 1000 },
        /* nonsense */
        { "", AIU_MANAGER_UNKNOWN, "", "", -1u },
        { "0::", AIU_MANAGER_UNKNOWN, "", "", -1u },
        { ":::\n::\n0:\n", AIU_MANAGER_UNKNOWN, "", "", -1u },
        { "0::/docker-short.scope\n", AIU_MANAGER_SYSTEMD, "docker-short.scope", "", -1u },
        { "0::/user@x.service\n", AIU_MANAGER_SYSTEMD, "user@x.service", "", -1u },
        { "0::/user@99999999999999.service\n", AIU_MANAGER_SYSTEMD, "user@99999999999999.service", "", -1u },
        { "0::/.service\n", AIU_MANAGER_UNKNOWN, "", "", -1u },
        { "0::/a\033[31m.service\n", AIU_MANAGER_UNKNOWN, "", "", -1u },
        { "0::/system.slice/--now.service\n", AIU_MANAGER_UNKNOWN, "", "", -1u },
        { "0::/system.slice/@a.service\n", AIU_MANAGER_UNKNOWN, "", "", -1u },
        { "0::/kubepods-besteffort-pod1.slice-cri-containerd-" ID "\n", AIU_MANAGER_KUBERNETES, "", "", -1u },
        { "0::/kubepods-besteffort-pod1.slice:cri-containerd:" NO_ID "\n", AIU_MANAGER_KUBERNETES, "", "", -1u },
        { "0::/lxc.payload/web\n", AIU_MANAGER_LXC, "", "web", -1u },
        { "0::/lxc.monitor/web\n", AIU_MANAGER_LXC, "", "web", -1u },
        { "0::/lxc/a b\n", AIU_MANAGER_UNKNOWN, "", "", -1u },
        { "0::/lxc.payload.-x\n", AIU_MANAGER_UNKNOWN, "", "", -1u },
        { "0::/lxc.payload." ID ID ID ID "\n", AIU_MANAGER_UNKNOWN, "", "", -1u },
        { "0::/machine.slice/machine-a\\x2g\\x2\\y2d\\xg0.scope\n", AIU_MANAGER_SYSTEMD,
          "machine-a\\x2g\\x2\\y2d\\xg0.scope", "", -1u },
        { "0::/machine.slice/machine-a\\x2.scope\n", AIU_MANAGER_SYSTEMD, "machine-a\\x2.scope", "", -1u },
        { "0::/machine.slice/machine-a b.scope\n", AIU_MANAGER_UNKNOWN, "", "", -1u },
        { "0::/machine.slice/machine-" ID ID ID ID ".scope\n", AIU_MANAGER_UNKNOWN, "", "", -1u },
        { "0::/system.slice/snap.x.mount\n", AIU_MANAGER_SYSTEMD, "snap.x.mount", "", -1u },
        { "0::/system.slice/snap.a b.service\n", AIU_MANAGER_UNKNOWN, "", "", -1u },
        { "0::/system.slice/snap.a@b.service\n", AIU_MANAGER_SYSTEMD, "snap.a@b.service", "", -1u },
        { "0::/user@4294967295.service/a.service\n", AIU_MANAGER_SYSTEMD, "user@4294967295.service", "", -1u },
        { "0::/session-1_2.scope\n", AIU_MANAGER_SYSTEMD, "session-1_2.scope", "", -1u },
        { "0::/libpod-payload-" ID "\n", AIU_MANAGER_PODMAN, "", ID, -1u },
};

START_TEST(row)
{
        struct cgroup_owner owner;

        cgroup_parse(rows[_i].text, &owner);
        ck_assert_msg(owner.kind == rows[_i].kind, "%s: %s", rows[_i].text, aiu_manager_kind_to_string(owner.kind));
        ck_assert_str_eq(owner.unit, rows[_i].unit);
        ck_assert_str_eq(owner.container, rows[_i].container);
        ck_assert_uint_eq(owner.user, rows[_i].user);
}
END_TEST

/* A name longer than any directory's is none. */
START_TEST(very_long)
{
        char text[8192] = "0::/";
        struct cgroup_owner owner;

        memset(text + 4, 'x', sizeof(text) - 4);
        memcpy(text + sizeof(text) - 10, ".service\n", 10);
        cgroup_parse(text, &owner);
        ck_assert_str_eq(owner.unit, "");
}
END_TEST

/* What the cgroup alone says about a process: is it started again when it is killed? */
static const struct {
        const char *cgroup;
        enum aiu_tristate returns;
} kills[] = {
        { "0::/system.slice/a.service\n", AIU_TRISTATE_UNKNOWN }, /* Restart= would tell */
        { "0::/system.slice/wide.scope\n", AIU_TRISTATE_NO },
        { "0::/user.slice/user-1000.slice/session-3.scope\n", AIU_TRISTATE_NO },
        { "0::/system.slice/docker-" ID ".scope\n", AIU_TRISTATE_UNKNOWN }, /* docker run --restart= */
        { "0::/machine.slice/libpod-" ID ".scope/container\n", AIU_TRISTATE_UNKNOWN },
        { "0::/kubepods.slice/kubepods-pod1.slice/crio-" ID ".scope\n", AIU_TRISTATE_YES },
        { "0::/kubepods/besteffort/pod1/" ID "\n", AIU_TRISTATE_YES },
};

START_TEST(killed)
{
        struct aiu_request request = { .size = sizeof(request), .procfs = -1 };
        struct aiu_process_fact process = { .size = sizeof(process), .pid = 77, .cgroup = kills[_i].cgroup };
        struct aiu_manager_fact fact = { .size = sizeof(fact) };
        struct aiu_snapshot snapshot;

        snapshot_init(&snapshot);
        ck_assert_int_eq(aiu_snapshot_add_process(&snapshot, &process), 0);
        ck_assert_int_eq(backend_cgroup.managers(NULL, &request, &snapshot), AIU_PARTIAL);
        ck_assert_int_eq(aiu_snapshot_get_manager(&snapshot, 0, &fact), 1);
        ck_assert_int_eq(fact.pid, 77);
        ck_assert_msg(fact.will_return == kills[_i].returns, "%s: %s", kills[_i].cgroup,
                      aiu_tristate_to_string(fact.will_return));
        snapshot_finish(&snapshot);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("cgroup");
        TCase *tcase = tcase_create("all");

        tcase_add_loop_test(tcase, row, 0, ELEMENTSOF(rows));
        tcase_add_test(tcase, very_long);
        tcase_add_loop_test(tcase, killed, 0, (int)ELEMENTSOF(kills));
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
