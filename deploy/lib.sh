# shellcheck shell=bash
# What deploy-all.sh and deploy-to-existing.sh have in common: a command is shown before it runs, or instead (--dry-run).

dry=${dry:-}
yes=${yes:-}

die() {
	echo "$(basename "$0"): $*" >&2
	exit 1
}

say() { printf '\n== %s\n' "$*"; }

# run COMMAND...: shows and runs it. What changes anything goes through here.
run() {
	printf '  $'
	printf ' %q' "$@"
	echo
	[ -n "$dry" ] || "$@"
}

# ask PLACEHOLDER COMMAND...: what it prints; in a dry run the placeholder. It only reads.
ask() {
	local placeholder=$1
	shift
	if [ -n "$dry" ]; then echo "$placeholder"; else "$@"; fi
}

# agree QUESTION: yes, or the end.
agree() {
	[ -z "$dry$yes" ] || return 0
	local answer
	[ -t 0 ] || die "$1 (say --yes where nobody can be asked)"
	read -r -p "$1 [y/N] " answer
	[[ $answer == [yY]* ]] || die "nothing was done"
}

# need COMMAND...: what has to be installed.
need() {
	local command missing=()
	[ -z "$dry" ] || return 0
	for command in "$@"; do command -v "$command" >/dev/null || missing+=("$command"); done
	[ ${#missing[@]} -eq 0 ] || die "please install: ${missing[*]}"
}
