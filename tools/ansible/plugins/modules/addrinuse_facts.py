#!/usr/bin/python
# -*- coding: utf-8 -*-
# SPDX-License-Identifier: LGPL-2.1-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
---
module: addrinuse_facts
short_description: Who has which address on a host, and what will go wrong with it
version_added: "0.1.0"
description:
  - Runs C(addrinuse audit --json) on the host and returns the answer as the fact C(addrinuse).
  - A hazard never makes the module fail, for a module that fails sets no facts. Let the play decide, with
    M(ansible.builtin.assert).
  - Without root, the holders of other users' sockets are not visible. What is missing is in C(addrinuse.gaps).
options:
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
  facts:
    description: The answer is a fact.
    support: full
seealso:
  - module: libaddrinuse.addrinuse.addrinuse_plan
  - module: libaddrinuse.addrinuse.addrinuse_check
"""

EXAMPLES = r"""
- name: Look at the sockets of the host
  libaddrinuse.addrinuse.addrinuse_facts:
  become: true

- name: Stop if the audit found a hazard
  ansible.builtin.assert:
    that: addrinuse.hazards | length == 0
    fail_msg: "{{ addrinuse.hazards | map(attribute='text') | join('\n') }}"

- name: Show who has port 443
  ansible.builtin.debug:
    msg: "{{ addrinuse.sockets | selectattr('local.port', 'eq', 443) | map(attribute='owner') | unique }}"
"""

RETURN = r"""
ansible_facts:
  description: Facts to add to those of the host.
  returned: always
  type: dict
  contains:
    addrinuse:
      description: What C(addrinuse audit --json) prints. See addrinuse-json(5).
      returned: always
      type: dict
      contains:
        schema:
          description: The version of this structure.
          returned: always
          type: int
          sample: 1
        sockets:
          description: Sockets that listen, or are bound and not connected, each with its owner and its holders.
          returned: always
          type: list
          elements: dict
        hazards:
          description: What will go wrong, with C(kind), C(severity), C(text), C(sockets) and C(fix).
          returned: always
          type: list
          elements: dict
        gaps:
          description: What could not be seen.
          returned: always
          type: list
          elements: dict
        unseen_processes:
          description: How many processes could not be inspected.
          returned: always
          type: int
          sample: 0
complete:
  description: Everything could be seen. If not, C(addrinuse.gaps) says what is missing.
  returned: always
  type: bool
  sample: true
"""

import json

from ansible.module_utils.basic import AnsibleModule


def main():
    module = AnsibleModule(
        argument_spec=dict(command=dict(type="str", default="addrinuse")),
        supports_check_mode=True,
    )
    path = module.get_bin_path(module.params["command"], required=True)
    status, out, err = module.run_command([path, "audit", "--json"])
    try:
        answer = json.loads(out)
    except ValueError:
        answer = None
    if status not in (0, 1, 3) or not isinstance(answer, dict):
        module.fail_json(msg="addrinuse audit: %s" % (err.strip() or "no JSON, status %d" % status))
    complete = status != 3 and not any(gap["kind"] != "note" for gap in answer.get("gaps", []))
    module.exit_json(changed=False, complete=complete, ansible_facts=dict(addrinuse=answer))


if __name__ == "__main__":
    main()
