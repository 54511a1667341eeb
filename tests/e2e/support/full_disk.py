# SPDX-License-Identifier: Apache-2.0
"""A disk that can be filled and emptied: a small tmpfs where we may mount one, else a limit on the size of files."""

import os
import resource
import subprocess


class SmallDisk:
    """`directory` lies on it. Without root a running process is limited instead, which must ignore SIGXFSZ (`wrapper`)."""

    def __init__(self, directory, size="16m"):
        self.directory = directory
        self.directory.mkdir()
        self.mounted = os.geteuid() == 0
        self.wrapper = [] if self.mounted else ["env", "--ignore-signal=XFSZ"]
        if self.mounted:
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", directory], check=True)

    def fill(self, process):
        """Nothing more can be written by the process."""
        if not self.mounted:
            largest = max(path.stat().st_size for path in self.directory.iterdir())
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))
            return
        with open(self.directory / "filler", "wb", buffering=0) as filler:
            for size in (65536, 512):
                try:
                    while filler.write(b"x" * size) == size:
                        pass
                except OSError:
                    pass

    def free(self, process):
        if self.mounted:
            (self.directory / "filler").unlink()
        else:
            unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, unlimited)

    def close(self):
        if self.mounted:
            subprocess.run(["umount", "-l", self.directory], check=True)
