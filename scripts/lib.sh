# SPDX-License-Identifier: Apache-2.0
# Shared by every script of the project: steps with elapsed time, errors, and who may become root.
# Sourced, never run; expects `set -eu`, and turns on pipefail.

set -o pipefail

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
	("$@") >"$log" 2>&1 </dev/null || status=$?
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

# report_counts PASSED FAILED: the last line of every part of ./check, and its exit status. Nothing run is a failure.
report_counts() {
	local passed=$1 failed=$2
	if [ $((passed + failed)) -eq 0 ]; then
		echo "nothing was run"
		failed=1
	fi
	echo "$passed passed, $failed failed"
	[ "$failed" -eq 0 ]
}

# build PRESET: configures (the first time, or when CMake's files changed) and builds it.
build() {
	cd "$trestle_root"
	cmake --preset "$1" && cmake --build --preset "$1"
}

# Python for tests and for the programs under tests/: the locked environments, named to them by variable.
use_python_environments() {
	TRESTLE_SYNAPSE_ENV=$("$trestle_root/scripts/python-env" synapse)
	TRESTLE_TEST_ENV=$("$trestle_root/scripts/python-env" test)
	export TRESTLE_SYNAPSE_ENV TRESTLE_TEST_ENV PYTHONDONTWRITEBYTECODE=1
	PATH=$TRESTLE_TEST_ENV/bin:$PATH
}

# run_pytest -m MARKERS [NAME]: pytest over tests/e2e, its totals as the last line. Most tests wait for servers, so
# several files run at once, each in a process with servers of its own.
run_pytest() {
	local markers=$2 name=${3:-} target=tests/e2e log status=0 passed failed
	use_python_environments
	cd "$trestle_root"
	name=${name#test_}
	name=${name%.py}
	if [ -n "$name" ] && [ -e "tests/e2e/test_$name.py" ]; then
		target=tests/e2e/test_$name.py
		name=
	fi
	log=$(mktemp)
	"$TRESTLE_TEST_ENV/bin/python" -m pytest -c tests/e2e/pytest.ini --rootdir tests/e2e -v \
		-n "$(e2e_workers "$target")" --dist loadfile --durations=8 --color=no -m "$markers" ${name:+-k "$name"} "$target" 2>&1 | tee "$log" ||
		status=$?
	passed=$(sum_of 'passed' "$log")
	failed=$(sum_of '(failed|errors?|skipped)' "$log")
	rm -f "$log"
	# No test, or a run that broke off, is a failure too.
	[ "$status" -eq 0 ] || [ "$failed" -gt 0 ] || failed=1
	report_counts "$passed" "$failed"
}

# One for a single file, else one more than there are processors.
e2e_workers() {
	if [ -f "$1" ]; then echo 0; else echo $(($(nproc) + 1)); fi
}

# sum_of WORDS FILE: the numbers in front of the words in pytest's last line, added up.
sum_of() {
	tail -n 1 "$2" | { grep -oE "[0-9]+ $1" || true; } | awk '{sum += $1} END {print sum + 0}'
}

# run_program PATH ARGUMENT...: a part with its own program, which ends with "N passed, N failed" or counts as one.
run_program() {
	local program=$1
	shift
	if [ ! -x "$trestle_root/$program" ]; then
		echo "$program does not exist" >&2
		return 1
	fi
	use_python_environments
	cd "$trestle_root"
	"./$program" "$@"
}
