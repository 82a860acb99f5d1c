#!/usr/bin/python
# -*- coding: utf-8 -*-
# SPDX-License-Identifier: LGPL-2.1-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
---
module: addrinuse_plan
short_description: Compare who has which address with who should
version_added: "0.1.0"
description:
  - Runs C(addrinuse audit --plan) on the host. Owners are compared, never process ids. A restart is no difference.
  - A difference never makes the module fail. Let the play decide, with M(ansible.builtin.assert).
  - Without a plan, the module returns the plan that the host meets now.
options:
  content:
    description:
      - The plan itself, for instance from a template of the controller.
      - Each line is C(ADDRESS:PORT/PROTO OWNER). C(#) begins a comment, C(*) is any address or any owner.
    type: str
  path:
    description: A file on the host with the plan.
    type: path
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
- name: Compare with the plan of the repository
  libaddrinuse.addrinuse.addrinuse_plan:
    content: "{{ lookup('ansible.builtin.file', 'plans/' ~ inventory_hostname) }}"
  become: true
  register: ports

- name: Stop if a port has the wrong owner
  ansible.builtin.assert:
    that: ports.met == 'yes'
    fail_msg: "{{ ports.differences }}"

- name: Write the plan that the host meets now
  libaddrinuse.addrinuse.addrinuse_plan:
  become: true
  register: now

- name: Keep it beside the play, to be reviewed
  ansible.builtin.copy:
    content: "{{ now.plan }}"
    dest: "plans/{{ inventory_hostname }}"
    mode: "0644"
  delegate_to: localhost
"""

RETURN = r"""
met:
  description: C(yes) or C(no). C(unknown) if no difference was found, but not everything could be seen.
  returned: with a plan
  type: str
  sample: "yes"
differences:
  description: >-
    Each with C(kind) (C(missing), C(unexpected) or C(wrong-owner)), C(address), C(planned) and C(owner).
  returned: with a plan
  type: list
  elements: dict
  sample:
    - kind: wrong-owner
      address: 0.0.0.0:80/tcp
      planned: nginx.service
      owner: apache2.service
plan:
  description: The plan that the host meets now.
  returned: without a plan
  type: str
  sample: "0.0.0.0:80/tcp nginx.service\n"
"""

import json
import os
import tempfile

from ansible.module_utils.basic import AnsibleModule


def write_plan(module):
    """The plan in a file that is removed when the module ends."""
    fd, path = tempfile.mkstemp(prefix="plan-", dir=module.tmpdir)
    module.add_cleanup_file(path)
    with os.fdopen(fd, "wb") as out:
        out.write(module.params["content"].encode("utf-8"))
    return path


def run(module, words):
    path = module.get_bin_path(module.params["command"], required=True)
    status, out, err = module.run_command([path, "audit"] + words)
    if status not in (0, 1, 3):
        module.fail_json(msg=err.strip() or "addrinuse audit: status %d" % status)
    return status, out


def is_complete(answer):
    """The status does not say it if there are hazards."""
    return not any(gap["kind"] != "note" for gap in answer["gaps"]) and all(s["owner"] for s in answer["sockets"])


def compare(module, plan):
    status, out = run(module, ["--json", "--plan=" + plan])
    try:
        answer = json.loads(out)
        differences = answer["plan"]
    except (KeyError, ValueError):
        module.fail_json(msg="addrinuse audit: no JSON, status %d" % status)
    seen = status != 3 and is_complete(answer)
    module.exit_json(changed=False, differences=differences, met="no" if differences else "yes" if seen else "unknown")


def main():
    module = AnsibleModule(
        argument_spec=dict(
            content=dict(type="str"),
            path=dict(type="path"),
            command=dict(type="str", default="addrinuse"),
        ),
        mutually_exclusive=[("content", "path")],
        supports_check_mode=True,
    )
    if module.params["content"] is not None:
        compare(module, write_plan(module))
    if module.params["path"] is not None:
        compare(module, module.params["path"])
    module.exit_json(changed=False, plan=run(module, ["--write-plan"])[1])


if __name__ == "__main__":
    main()
