# SPDX-License-Identifier: Apache-2.0
# Shared by every script of the project: steps with elapsed time, errors, and who may become root.
# Sourced, never run; expects `set -eu`.

trestle_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
trestle_cache=${XDG_CACHE_HOME:-$HOME/.cache}/trestle
# Debian's own interpreter, whatever else stands first in PATH: the lock files are made for it.
trestle_python=/usr/bin/python3

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# seconds_since START: whole seconds, START from $SECONDS.
seconds_since() {
	echo $((SECONDS - $1))
}

# step TEXT COMMAND...: runs the command with its output in a log file and one line on the screen.
# On failure the end of that log is shown.
step() {
	local text=$1 start=$SECONDS log status=0
	shift
	mkdir -p "$trestle_cache/logs"
	log=$(mktemp "$trestle_cache/logs/$(date +%H%M%S)-XXXXXX.log")
	printf '%-58s' "[$(elapsed)] $text"
	"$@" >"$log" 2>&1 </dev/null || status=$?
	if [ "$status" -eq 0 ]; then
		printf ' %4d s\n' "$(seconds_since "$start")"
		rm -f "$log"
		return 0
	fi
	printf ' FAILED after %d s\n' "$(seconds_since "$start")"
	tail -n 40 "$log" | sed 's/^/    /'
	echo "    the whole output: $log"
	return "$status"
}

# elapsed: time since the script started, as m:ss.
elapsed() {
	printf '%d:%02d' $((SECONDS / 60)) $((SECONDS % 60))
}

# can_be_root: whether a command can be run as root without a question.
can_be_root() {
	[ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null
}

# as_root COMMAND...: runs it as root; call can_be_root first.
as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo -n "$@"
	fi
}

# root_line COMMAND...: the line a person types to run the command as root on this machine.
root_line() {
	if command -v sudo >/dev/null; then
		echo "sudo $*"
	else
		echo "su -c '$*'"
	fi
}
