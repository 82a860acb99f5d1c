# SPDX-License-Identifier: LGPL-2.1-or-later
"""The daemons, a file for each program."""
import importlib
import pathlib

SETUPS = [setup for file in sorted(pathlib.Path(__file__).parent.glob("[a-z]*.py")) if file.stem != "setup"
          for setup in importlib.import_module(f"setups.{file.stem}").SETUPS]
