# SPDX-License-Identifier: Apache-2.0
"""What all servers under test have in common: one process that can be stopped, killed and started again."""


class Server:
    """Made stopped. `start()`, which each server has of its own, sets `process`."""

    process = None

    def stop(self):
        """Ends it in order; returns the exit status."""
        return self.process.stop()

    def kill(self):
        """kill -9: what it holds in memory is gone."""
        self.process.kill()

    def restart(self):
        self.stop()
        self.start()

    def close(self):
        """Ends it however it stands; for the end of a test."""
        if self.process:
            self.process.kill()
