"""Runs the script of a virtual-machine test without a virtual machine:

  python3 vm-driver.py SCRIPT ENTER...

ENTER is the command line that runs a program in the machine. `machine` has the methods of
nixos-test-driver that nix/checks uses.
"""

import subprocess
import sys
import time

SCRIPT, *ENTER = sys.argv[1:]
PATH = "/run/current-system/sw/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Machine:
    def execute(self, command: str) -> tuple[int, str]:
        shell = ["env", "--chdir=/root", "-i", f"PATH={PATH}", "HOME=/root", "USER=root", "bash", "-c"]
        done = subprocess.run(
            [*ENTER, *shell, "set -euo pipefail; " + command], stdout=subprocess.PIPE, text=True, timeout=120
        )
        return done.returncode, done.stdout

    def succeed(self, command: str) -> str:
        status, said = self.execute(command)
        if status != 0:
            raise Exception(f"{command} ended with {status}: {said}")
        return said

    def fail(self, command: str) -> str:
        status, said = self.execute(command)
        if status == 0:
            raise Exception(f"{command} succeeded: {said}")
        return said

    def wait_for_unit(self, unit: str) -> None:
        for _ in range(100):
            if self.execute(f"systemctl is-active {unit}")[0] == 0:
                return
            time.sleep(0.2)
        raise Exception(f"{unit} did not start")


with open(SCRIPT, encoding="utf-8") as file:
    exec(compile(file.read(), "testScript", "exec"), {"machine": Machine()})
