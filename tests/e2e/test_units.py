"""What would break: units that systemd does not read as they are meant, or that open the machine to whoever takes the daemon
over.
"""
import re
import shutil
import subprocess
from pathlib import Path

from harness import BINARY, SOURCE_DIR, CulvertTest, main

UNITS = SOURCE_DIR / "systemd"


def analyze(*arguments):
    return subprocess.run(["systemd-analyze", *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)


class Units(CulvertTest):
    def test_systemd_has_nothing_to_say(self):
        """The program has to be where the unit says."""
        for name in ("culvert.service", "culvert@.service", "culvert.socket"):
            text = (UNITS / name).read_text().replace("/usr/bin/culvert", str(Path(BINARY).resolve()))
            (self.folder / name).write_text(text)
        for name in ("culvert.service", "culvert@one.service", "culvert.socket"):
            if "@" in name:
                shutil.copy(self.folder / "culvert@.service", self.folder / name)
            done = analyze("verify", "--man=no", self.folder / name)
            self.assertEqual((done.returncode, [line for line in done.stderr.splitlines() if "culvert" in line]), (0, []))

    def test_exposure(self):
        for name in ("culvert.service", "culvert@.service"):
            done = analyze("security", "--offline=true", "--threshold=15", "--no-pager", UNITS / name)
            self.assertEqual(done.returncode, 0, done.stdout[-200:])

    def test_the_template_is_the_unit_for_an_instance(self):
        def settings(name):
            text = (UNITS / name).read_text().replace("culvert/%i.toml", "culvert/culvert.toml")
            text = text.replace("culvert/%i.users", "culvert/users").replace(", %i", "")
            text = re.sub(r"culvert[-/]%i", "culvert", text)
            return [line for line in text.splitlines()[2:] if line]
        self.assertEqual(settings("culvert.service"), settings("culvert@.service"))

    def test_folders_are_the_users(self):
        done = subprocess.run(["systemd-sysusers", "--dry-run", UNITS / "sysusers.d/culvert.conf"], capture_output=True,
                              text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        for conf in (UNITS / "tmpfiles.d/culvert.conf").read_text().splitlines():
            self.assertRegex(conf, r"^(#.*|z /etc/culvert 0750 root culvert -)$")


if __name__ == "__main__":
    main()
