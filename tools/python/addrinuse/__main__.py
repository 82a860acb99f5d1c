# SPDX-License-Identifier: LGPL-2.1-or-later
"""python3 -m addrinuse ADDRESS PORT"""
import sys

from . import main

sys.exit(main())
