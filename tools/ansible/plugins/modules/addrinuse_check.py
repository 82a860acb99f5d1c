#!/usr/bin/python
# -*- coding: utf-8 -*-
# SPDX-License-Identifier: LGPL-2.1-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
---
module: addrinuse_check
short_description: Would a server get its address, and who is in the way
version_added: "0.1.0"
description:
  - Asks C(addrinuse --json) on the host what bind(2) and listen(2) of a server would return. No socket is bound.
  - An address in use never makes the module fail. Let the play decide, with M(ansible.builtin.assert).
  - Run it before a deployment, as the user C(root), for other users' holders are not visible otherwise.
options:
  address:
    description:
      - One address or several, as addrinuse(1) reads them. Examples are C(8080), C(127.0.0.1:8080), C([::1]:53/udp),
        C(/run/app.sock) and C(3000-3010).
    type: list
    elements: str
    required: true
  user:
    description: The name or the number of the user who will bind the address. The default is the user who runs the module.
    type: str
  reuseaddr:
    description: The server sets SO_REUSEADDR. By default it does for TCP, as most servers do.
    type: bool
  reuseport:
    description: The server sets SO_REUSEPORT.
    type: bool
  v6only:
    description: The server sets IPV6_V6ONLY.
    type: bool
  device:
    description: The server binds its socket to this network device.
    type: str
  netns:
    description: The network namespace of the server, as a process id, a path, or a name that ip-netns(8) knows.
    type: str
  command:
    description: The command, if it is not in the search path of the host.
    type: str
    default: addrinuse
author:
  - libaddrinuse maintainers (@libaddrinuse)
attributes:
  check_mode:
    description: The module changes nothing, and does the same in check mode.
    support: full
seealso:
  - module: libaddrinuse.addrinuse.addrinuse_facts
"""

EXAMPLES = r"""
- name: Ask before anything is stopped
  libaddrinuse.addrinuse.addrinuse_check:
    address: [443, 8443/udp]
    user: www-data
  become: true
  register: check

- name: Stop if an address is not free
  ansible.builtin.assert:
    that: check.free == 'yes'
    fail_msg: "{{ check.summary | join('\n') }}"
"""

RETURN = r"""
free:
  description: C(yes) if each bind() would succeed, C(no) if one would certainly fail, else C(unknown).
  returned: always
  type: str
  sample: "no"
summary:
  description: One sentence about each address.
  returned: always
  type: list
  elements: str
  sample:
    - "443/tcp is in use: nginx (pid 96 and 4 workers) listens on 0.0.0.0:443"
reports:
  description: What C(addrinuse --json) prints about each address. See addrinuse-json(5).
  returned: always
  type: list
  elements: dict
"""

import json

from ansible.module_utils.basic import AnsibleModule

FREE = {0: "yes", 1: "no", 3: "unknown", 4: "no"}


def options(params):
    words = ["--%s=%s" % (name, "yes" if params[name] else "no")
             for name in ("reuseaddr", "reuseport", "v6only") if params[name] is not None]
    words += ["--%s=%s" % (name, params[name]) for name in ("device", "netns") if params[name] is not None]
    if params["user"] is not None:
        words.append("--uid=" + params["user"])
    return words


def main():
    module = AnsibleModule(
        argument_spec=dict(
            address=dict(type="list", elements="str", required=True),
            user=dict(type="str"),
            reuseaddr=dict(type="bool"),
            reuseport=dict(type="bool"),
            v6only=dict(type="bool"),
            device=dict(type="str"),
            netns=dict(type="str"),
            command=dict(type="str", default="addrinuse"),
        ),
        supports_check_mode=True,
    )
    if not module.params["address"]:
        module.fail_json(msg="address is empty")
    path = module.get_bin_path(module.params["command"], required=True)
    status, out, err = module.run_command([path, "--json"] + options(module.params) + ["--"] + module.params["address"])
    try:
        reports = [json.loads(line) for line in out.splitlines()]
    except ValueError:
        reports = []
    if status not in FREE or not reports:
        module.fail_json(msg=err.strip() or "addrinuse: status %d" % status)
    module.exit_json(changed=False, free=FREE[status], reports=reports, summary=[r.get("summary") for r in reports])


if __name__ == "__main__":
    main()
