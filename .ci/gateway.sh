#!/usr/bin/env bash
# Starts bin/turnpike in the foreground in front of one upstream, as the environment says:
#   LISTEN=127.0.0.1:8080   UPSTREAM_DIALECT=openai-chat|openai-responses|anthropic|bedrock-converse|bedrock-invoke|gemini
#   UPSTREAM_URL=http://127.0.0.1:9000 (origin)   UPSTREAM_KEY=   CLIENT_KEY=   MODEL=
#   UNOFFICIAL=copilot|kiro   with a stand-in for that service (.ci/standin.go) between, which asks the upstream; an account signs in at it first
# Whatever model a client names goes to the upstream under its own name. The project is checked from outside through this script.
set -euo pipefail
: "${LISTEN:?}" "${UPSTREAM_DIALECT:?}" "${UPSTREAM_URL:?}" "${CLIENT_KEY:?}" "${MODEL:?}"
# Settings of whoever calls must not mix with these.
unset "${!TURNPIKE_@}"
export CLIENT_KEY MODEL UPSTREAM_KEY=${UPSTREAM_KEY:-none}
root=$(cd "$(dirname "$0")/.." && pwd)

case $UPSTREAM_DIALECT in
openai-chat) provider="type: openai, api: chat, base_url: '$UPSTREAM_URL/v1', api_key: '\${UPSTREAM_KEY}'" ;;
openai-responses) provider="type: openai, api: responses, base_url: '$UPSTREAM_URL/v1', api_key: '\${UPSTREAM_KEY}'" ;;
anthropic) provider="type: anthropic, base_url: '$UPSTREAM_URL', api_key: '\${UPSTREAM_KEY}'" ;;
gemini) provider="type: gemini, base_url: '$UPSTREAM_URL/v1beta', api_key: '\${UPSTREAM_KEY}'" ;;
bedrock-converse | bedrock-invoke)
	# The scripted upstream takes any signature; these keys belong to nobody.
	provider="type: bedrock, api: ${UPSTREAM_DIALECT#bedrock-}, region: us-east-1, base_url: '$UPSTREAM_URL', access_key_id: AKIDEXAMPLE, secret_access_key: secret"
	;;
*)
	echo "gateway.sh: unknown UPSTREAM_DIALECT $UPSTREAM_DIALECT" >&2
	exit 2
	;;
esac

# Left behind on exit, since the gateway takes this process over; whoever minds gives a TMPDIR of their own.
dir=$(mktemp -d "${TMPDIR:-/tmp}/turnpike.XXXXXX")
more=
if [ -n "${UNOFFICIAL:-}" ]; then
	# The stand-in ends with the process that holds 9 open: this one, which becomes the gateway.
	exec 9> >("$root/.cache/standin" "$UNOFFICIAL" "$UPSTREAM_URL" "$dir/settings.json" 2>&1)
	for _ in $(seq 100); do
		[ -e "$dir/settings.json" ] && break
		sleep 0.1
	done
	provider="type: $UNOFFICIAL, settings_file: '$dir/settings.json'"
	# A model that is asked for by the API that the upstream plays.
	case $UNOFFICIAL:$UPSTREAM_DIALECT in
	kiro:anthropic) is=claude-opus-4.6 ;;
	copilot:anthropic) is=claude-sonnet-4.5 ;;
	copilot:openai-responses) is=gpt-5.2-codex ;;
	copilot:openai-chat) is=gpt-4o ;;
	*) echo "gateway.sh: $UNOFFICIAL is not spoken to by $UPSTREAM_DIALECT" >&2 && exit 2 ;;
	esac
	more="unofficial: true
aliases: [{ match: '*', to: [upstream/$is] }]"
fi
cat >"$dir/turnpike.yaml" <<YAML
$more
server: { host: '${LISTEN%:*}', port: ${LISTEN##*:} }
data_dir: '$dir/data'
auth: { api_key: '\${CLIENT_KEY}' }
defaults: { provider: upstream, model: '\${MODEL}' }
providers:
  - { name: upstream, $provider }
YAML
[ -z "${UNOFFICIAL:-}" ] || "$root/bin/turnpike" login "$UNOFFICIAL" --config "$dir/turnpike.yaml"
exec "$root/bin/turnpike" serve --config "$dir/turnpike.yaml"
