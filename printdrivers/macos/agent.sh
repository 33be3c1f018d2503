#!/bin/sh
# Opens the post office's options page after printing. One process per user and printer, with macOS's own tools only.
# It asks the office `GET {desk}/agent/next?wait=25&after={cursor}` with the printer's token as bearer, and opens each page it is told
# of at most once, and only on the office's own address.
set -eu
umask 077

if [ $# -ne 1 ] || [ "$1" = -h ] || [ "$1" = --help ]; then
    echo 'usage: agent.sh QUEUE    (started at log-in by what install.command set up; logs to ~/Library/Logs/postoffice-agent-QUEUE.log)'
    [ "${1:-}" = -h ] || [ "${1:-}" = --help ] || exit 2
    exit 0
fi
home="$HOME/Library/Application Support/postoffice"
settings=$home/agent-$1.conf cursor_file=$home/agent-$1.cursor opened=$home/agent-$1.opened
wait=25        # seconds that the office may hold a question
most=5         # pages opened at once; more came while nobody was here, and wait at the desk
remembered=200 # addresses kept, so that none opens twice

log() { echo "$(date '+%Y-%m-%d %H:%M:%S') $*" >&2; }

[ -r "$settings" ] || { log "$settings is missing. Run install.command first."; exit 1; }
desk=$(sed -n 1p "$settings") token=$(sed -n 2p "$settings")
touch "$opened"

# The token goes through standard input, never through the list of processes. Prints the body, then the status on a line of its own.
ask() {
    {
        printf 'header = "Authorization: Bearer %s"\n' "$token"
        printf 'header = "Accept: application/json"\n'
        printf 'url = "%s/agent/next?wait=%s%s"\n' "$desk" "$wait" "${1:+&after=$1}"
    } | curl --silent --max-time $((wait + 15)) --max-filesize 1048576 --write-out '\n%{http_code}' --config - || true
}

# From the office's JSON on standard input: the cursor, percent-encoded, then one address a line; nothing where it is no such answer.
parse() {
    osascript -l JavaScript -e '
        function run(words) {
            try {
                const answer = JSON.parse(words[0]), lines = [encodeURIComponent(answer.cursor)];
                for (const page of answer.pages) lines.push(String(page.url).replace(/\s/g, ""));
                return lines.join("\n");
            } catch (error) { return ""; }
        }' "$(cat)"
}

ours() { # whether an address is harmless and lies under the desk's
    case $1 in *[!A-Za-z0-9:/?#@!\$\&\(\)*+,\;=._~%-]*) return 1 ;; "$desk"/*) return 0 ;; *) return 1 ;; esac
}

show() { # addresses, one a line, on standard input
    fresh=$(while IFS= read -r url; do
        if ! ours "$url"; then log 'The office named a page on another address; it is not opened. If it moved, run install.command again.'
        elif ! grep -qxF -- "$url" "$opened"; then printf '%s\n' "$url"; fi
    done | awk '!seen[$0]++')
    [ -n "$fresh" ] || return 0
    # remembered first: better a page missed than one that opens again and again
    printf '%s\n' "$fresh" >>"$opened"
    tail -n $remembered "$opened" >"$opened.new" && mv "$opened.new" "$opened"
    printf '%s\n' "$fresh" | tail -n $most | while IFS= read -r url; do
        open "$url" </dev/null || log 'The page could not be opened; it waits at the desk.'
    done
}

failures=0 longest=300
# waits longer after each failure, up to $longest seconds, with jitter so that a hundred agents do not come back together
back_off() {
    failures=$((failures + 1))
    [ $failures -gt 1 ] || log "$1"
    pause=$longest
    [ $failures -ge 9 ] || pause=$((1 << failures))
    [ $pause -le $longest ] || pause=$longest
    sleep $((pause + $(awk "BEGIN { srand($$ + $(date +%s)); print int(rand() * $pause / 2) }")))
}

while :; do
    cursor=$(cat "$cursor_file" 2>/dev/null || true)
    began=$(date +%s)
    answer=$(ask "$cursor")
    status=$(printf '%s\n' "$answer" | tail -n 1)
    longest=300
    case $status in
        200) ;;
        000 | '') back_off "The office at $desk cannot be reached."; continue ;;
        401 | 403) longest=1800; back_off "The office refuses this printer's token: it was replaced. Run install.command with the new address."; continue ;;
        3??) longest=1800; back_off 'The office answers with a redirect. Run install.command again, --desk being where browsers end up.'; continue ;;
        400 | 410 | 422) rm -f "$cursor_file"; back_off 'The office does not know the place where we stopped; starting from now.'; continue ;;
        *) back_off "The office answers $status."; continue ;;
    esac
    told=$(printf '%s\n' "$answer" | sed '$d' | parse)
    if [ -z "$told" ]; then back_off 'The address answers, but not as a post office does. Run install.command again with --desk.'; continue; fi
    [ $failures = 0 ] || log 'The office answers again.'
    failures=0
    pages=$(printf '%s\n' "$told" | sed 1d)
    if [ -n "$pages" ]; then printf '%s\n' "$pages" | show; fi
    printf '%s\n' "$told" | head -n 1 >"$cursor_file.new" && mv "$cursor_file.new" "$cursor_file"
    # an office that does not wait is not asked in a tight loop
    if [ -n "$cursor" ] && [ -z "$pages" ] && [ $(($(date +%s) - began)) -lt 1 ]; then sleep 1; fi
done
