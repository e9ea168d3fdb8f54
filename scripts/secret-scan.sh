#!/usr/bin/env bash
# Looks for text that looks like a real key.
#   secret-scan.sh            every file of the working tree that git does not ignore
#   secret-scan.sh --staged   what is about to be committed
# Made-up keys that tests and documents need are listed in scripts/secret-allow.txt.
set -euo pipefail
cd "$(git -C "$(dirname "$0")" rev-parse --show-toplevel)"
allowed=scripts/secret-allow.txt

word='[A-Za-z0-9_-]'
patterns=(
	'(AKIA|ASIA)[A-Z0-9]{16}'                                     # AWS access key id
	'[Aa][Ww][Ss]_?[Ss][A-Za-z_]*[Kk][Ee][Yy].{0,5}[:=].{0,3}[A-Za-z0-9/+]{40}' # AWS secret access key, session token
	'ABSK[A-Za-z0-9+/=]{40,}'                                     # Bedrock API key
	"sk-ant-[a-z0-9]+[-_]$word{24,}"                              # Anthropic, and our own
	"sk-(proj|svcacct|admin|or-v1)-$word{24,}"                    # OpenAI, OpenRouter
	'sk-[A-Za-z0-9]{32,}'                                         # OpenAI and many that follow it
	'AIza[A-Za-z0-9_-]{35}'                                       # Google
	'(gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{40,})'    # GitHub
	'(glpat-[A-Za-z0-9_-]{20}|npm_[A-Za-z0-9]{36}|hf_[A-Za-z]{34}|gsk_[A-Za-z0-9]{48})' # GitLab, npm, Hugging Face, Groq
	'xox[abprs]-[A-Za-z0-9-]{20,}'                                # Slack
	'-----BEGIN [A-Z ]*PRIVATE KEY( BLOCK)?-----'
)
regexp=$(IFS='|' && echo "${patterns[*]}")

# Hits are path:line:match; git grep answers 1 when there is none, and more when something is wrong.
case ${1:-} in
'') hits=$(git grep --untracked -nIoE -e "$regexp") || [ $? -eq 1 ] ;;
--staged)
	mapfile -t files < <(git diff --cached --name-only --diff-filter=ACMR)
	[ ${#files[@]} -gt 0 ] || exit 0
	hits=$(git --literal-pathspecs grep --cached -nIoE -e "$regexp" -- "${files[@]}") || [ $? -eq 1 ]
	;;
*)
	echo "usage: secret-scan.sh [--staged]" >&2
	exit 2
	;;
esac

found=0
while IFS=: read -r path line text; do
	[ -n "$path" ] || continue
	grep -qxF -e "$text" -e "$path:$text" "$allowed" && continue
	# The finding must not spread the secret further.
	echo "$path:$line: looks like a secret: ${text:0:10}..." >&2
	found=$((found + 1))
done <<<"$hits"

if [ "$found" -gt 0 ]; then
	echo "$found possible secrets. A real one: take it out and revoke it. A made-up one: add it to $allowed." >&2
	exit 1
fi
echo "No secrets found."
