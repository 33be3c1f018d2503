#!/bin/sh
# Takes a post office printer and its agent away again. What the office holds stays there.
set -eu

usage() {
    cat <<'EOF'
usage: remove.sh [options]

  --name QUEUE   name of the print queue (Post_Office)
  --agent-only   leave the queue
  -h, --help     this text

Takes away the queue and the agent of the user who runs it; with sudo, of the user who called it. What is not there is no error.
EOF
}
say() { printf '%s\n' "$*" >&2; }
fail() { say "remove.sh: $*"; exit 1; }

name=Post_Office queue=1
while [ $# -gt 0 ]; do
    case $1 in
        -h | --help) usage; exit 0 ;;
        --name) [ $# -ge 2 ] || fail '--name needs a value; see --help'; name=$2; shift ;;
        --agent-only) queue='' ;;
        *) fail "unknown option $1; see --help" ;;
    esac
    shift
done
case $name in '' | *[!A-Za-z0-9_-]* | -*) fail "a queue's name has only letters, digits, - and _: $name" ;; esac

remove_queue() {
    command -v lpadmin >/dev/null || PATH=$PATH:/usr/sbin:/sbin
    if ! command -v lpadmin >/dev/null; then return 0; fi
    there=$(lpstat -v "$name" 2>/dev/null | sed 's/^[^:]*: *//' || true)
    case $there in
        '') return 0 ;;
        ipp://*/ipp/print/* | ipps://*/ipp/print/*) ;;
        *) fail "the printer $name leads elsewhere than to a post office; it stays" ;;
    esac
    if lpadmin -x "$name" </dev/null 2>/dev/null; then :
    elif [ "$(id -u)" != 0 ] && command -v sudo >/dev/null; then sudo lpadmin -x "$name"
    else fail "only an administrator may remove printers here: run it as root, or as a member of lpadmin"; fi
    say "The printer $name is gone."
}

remove_agent() {
    settings=${XDG_CONFIG_HOME:-${HOME:?}/.config} programs=$HOME/.local/share/postoffice
    if command -v systemctl >/dev/null && systemctl --user show-environment >/dev/null 2>&1; then
        systemctl --user disable --now --quiet "postoffice-agent@$name.service" 2>/dev/null || true
    fi
    # an agent that the desktop started ends by its process number, which it keeps beside its lock
    lock=${XDG_STATE_HOME:-$HOME/.local/state}/postoffice/agent-$name.json.lock
    pid=$(cat "$lock" 2>/dev/null || true)
    case $pid in
        '' | *[!0-9]*) ;;
        *) if tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF "agent.py --printer $name "; then kill "$pid" || true; fi ;;
    esac
    rm -f "$settings/postoffice/agent-$name.json" "$settings/postoffice/authority-$name.pem" \
        "$settings/autostart/postoffice-agent-$name.desktop" "$lock" "${lock%.lock}"
    if [ -z "$(ls "$settings/postoffice" 2>/dev/null)" ]; then  # the last printer's agent takes the program along
        rm -f "$programs/agent.py" "$settings/systemd/user/postoffice-agent@.service"
        rmdir "$programs" "$settings/postoffice" 2>/dev/null || true
    fi
    say "The agent for $name is gone."
}

[ -z "$queue" ] || remove_queue
if [ "$(id -u)" = 0 ] && [ -n "${SUDO_USER:-}" ] && [ "$SUDO_USER" != root ]; then
    copy=$(mktemp)
    trap 'rm -f "$copy"' EXIT
    cat "$0" >"$copy" && chmod 644 "$copy"
    runuser -u "$SUDO_USER" -- env HOME="$(getent passwd "$SUDO_USER" | cut -d: -f6)" XDG_RUNTIME_DIR="/run/user/$(id -u "$SUDO_USER")" \
        SUDO_USER='' sh "$copy" --agent-only --name "$name"
else
    remove_agent
fi
