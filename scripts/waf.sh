#!/usr/bin/env bash
# Shows why no rule reads the bodies of prompts. AWS' rule groups cannot be had here; the OWASP Core Rule Set (ModSecurity
# in nginx) stands for them. A corpus of ordinary prompts that quote SQL, HTML, scripts and paths goes through it twice: with
# every rule everywhere, and with the inference paths of deploy/terraform/modules/waf left out. Attacks on the admin API have
# to be refused both times. The last line has the figures.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -x /usr/sbin/nginx ] || scripts/ensure.sh nginx:nginx
module=/usr/lib/nginx/modules/ngx_http_modsecurity_module.so
[ -e "$module" ] || scripts/ensure.sh none:libnginx-mod-http-modsecurity none:modsecurity-crs
scripts/ensure.sh curl:curl jq:jq
dir=$(mktemp -d)
nginx=
# shellcheck disable=SC2317 # the trap runs it
stop() {
	[ -z "$nginx" ] || kill "$nginx" 2>/dev/null || true
	[ -z "$nginx" ] || wait "$nginx" 2>/dev/null || true
	rm -rf "$dir"
}
trap stop EXIT
paths=$(sed -nE 's/^  inference = \[(.*)\]$/\1/p' deploy/terraform/modules/waf/main.tf | tr -d '" ,' | sed 's#//#/|/#g; s#\.#\\.#g')
[ -n "$paths" ]
port=$(shuf -i 20000-28000 -n 1)
cat >"$dir/rules" <<-RULES
	SecRuleEngine On
	SecRequestBodyAccess On
	SecRequestBodyLimit 13107200
	SecTmpDir $dir
	SecDataDir $dir
	SecRule REQUEST_HEADERS:Content-Type "^application/json" "id:200001,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
	Include /etc/modsecurity/crs/crs-setup.conf
	Include /usr/share/modsecurity-crs/rules/*.conf
RULES
{
	printf 'SecRule REQUEST_FILENAME "@rx ^(%s)" "id:100000,phase:1,t:none,t:normalizePath,pass,nolog,ctl:ruleEngine=Off"\n' "$paths"
	cat "$dir/rules"
} >"$dir/rules-scoped"
location() { printf 'location / { proxy_pass http://127.0.0.1:%s; }' "$1"; }
cat >"$dir/nginx.conf" <<-CONF
	load_module $module;
	daemon off;
	pid $dir/pid;
	error_log $dir/errors crit;
	user root;
	events {}
	http {
	  access_log off;
	  client_body_temp_path $dir; proxy_temp_path $dir; fastcgi_temp_path $dir; uwsgi_temp_path $dir; scgi_temp_path $dir;
	  server { listen 127.0.0.1:$port; modsecurity on; modsecurity_rules_file $dir/rules; $(location $((port + 2))) }
	  server { listen 127.0.0.1:$((port + 1)); modsecurity on; modsecurity_rules_file $dir/rules-scoped; $(location $((port + 2))) }
	  server { listen 127.0.0.1:$((port + 2)); location / { return 200 "served\n"; } }
	}
CONF
/usr/sbin/nginx -p "$dir" -c "$dir/nginx.conf" >"$dir/out" 2>&1 &
nginx=$!
for _ in $(seq 100); do
	curl -s -o /dev/null "http://127.0.0.1:$((port + 2))/" && break
	kill -0 "$nginx" 2>/dev/null || {
		cat "$dir/out" >&2
		exit 1
	}
	sleep 0.1
done

status() { # PORT PATH BODY
	curl -s -o /dev/null -w '%{http_code}' -m 20 "http://127.0.0.1:$1$2" -H 'Content-Type: application/json' -H 'User-Agent: openai-python' -d "$3"
}
prompts=0 refused=0 wrong=0
while IFS= read -r prompt; do
	[ -n "$prompt" ] || continue
	body=$(jq -nc --arg p "$prompt" '{model: "m", messages: [{role: "user", content: $p}]}')
	for path in /v1/chat/completions /v1/messages /v1beta/models/m:generateContent /model/m/converse; do
		prompts=$((prompts + 1))
		[ "$(status "$port" "$path" "$body")" = 200 ] || refused=$((refused + 1))
		[ "$(status $((port + 1)) "$path" "$body")" = 200 ] || {
			echo "refused at $path: $prompt" >&2
			wrong=$((wrong + 1))
		}
	done
done <deploy/terraform/modules/waf/prompts.txt
attacks=0
while IFS= read -r attack; do
	[ -n "$attack" ] || continue
	body=$(jq -nc --arg p "$attack" '{name: $p}')
	for path in /admin/keys /auth/login /v1/../admin/keys; do
		attacks=$((attacks + 1))
		for p in "$port" $((port + 1)); do
			[ "$(curl -s -o /dev/null -w '%{http_code}' --path-as-is -m 20 "http://127.0.0.1:$p$path" -H 'Content-Type: application/json' -H 'User-Agent: x' -d "$body")" != 200 ] || {
				echo "served at $path: $attack" >&2
				wrong=$((wrong + 1))
			}
		done
	done
done <deploy/terraform/modules/waf/attacks.txt
[ "$refused" -gt 0 ] || wrong=1
echo "waf: of $prompts prompts $refused are refused where rules read them, none where inference paths are left out; $attacks attacks on other paths are refused both times; $wrong wrong"
[ "$wrong" -eq 0 ]
