#!/bin/sh
# Sets up a post office printer on Linux (CUPS), and the agent that opens its page after printing.
set -eu
umask 077
here=$(cd "$(dirname "$0")" && pwd)

usage() {
    cat <<'EOF'
usage: install.sh [options] ADDRESS
       install.sh [options] -            (reads ADDRESS from standard input: it then never shows in the list of processes)

ADDRESS is the printer's address from the desk, such as ipps://post.example.org:8631/ipp/print/TOKEN.
Run it again at any time, also with a new address: it changes what is there.

  --name QUEUE     name of the print queue (Post_Office): letters, digits, - and _
  --default        make it the default printer
  --desk URL       where the desk is (ipp://HOST:PORT gives http://HOST:PORT; ipps://HOST gives https://HOST)
  --authority PEM  certificate authority that signed the desk's certificate, where the system does not know it
  --no-agent       only the queue; the page is then reached from the desk
  --agent-only     only the agent, for the user who runs this (the queue was made by an administrator)
  --user USER      the agent for USER; needs root. With sudo: for the user who called it
  --force          replace a queue of that name that leads elsewhere
  -h, --help       this text
EOF
}
say() { printf '%s\n' "$*" >&2; }
fail() { say "install.sh: $*"; exit 1; }

name=Post_Office address='' desk='' authority='' user='' queue=1 agent=1 default='' force=''
while [ $# -gt 0 ]; do
    case $1 in
        -h | --help) usage; exit 0 ;;
        --name | --desk | --authority | --user)
            [ $# -ge 2 ] || fail "$1 needs a value; see --help"
            case $1 in --name) name=$2 ;; --desk) desk=$2 ;; --authority) authority=$2 ;; --user) user=$2 ;; esac
            shift ;;
        --default) default=1 ;;
        --no-agent) agent='' ;;
        --agent-only) queue='' ;;
        --force) force=1 ;;
        -) IFS= read -r address || [ -n "$address" ] || fail 'no address on standard input' ;;
        -*) fail "unknown option $1; see --help" ;;
        *) [ -z "$address" ] || fail 'only one address can be given; see --help'; address=$1 ;;
    esac
    shift
done

[ -n "$address" ] || fail 'the printer'"'"'s address is missing: copy it from the desk, page "Printers"; see --help'
case $address in
    ipp://?*/ipp/print/?* | ipps://?*/ipp/print/?*) ;;
    *) fail 'the address must look like ipps://HOST:PORT/ipp/print/TOKEN: copy it again from the desk, page "Printers"' ;;
esac
case $address in *[!A-Za-z0-9:/._~%@\[\]-]*) fail 'the address has a character that no printer address has: copy it again from the desk' ;; esac
case $name in '' | *[!A-Za-z0-9_-]* | -*) fail "a queue's name has only letters, digits, - and _: $name" ;; esac
token=${address##*/ipp/print/}
case $token in */*) fail 'the address must end with the token: copy it again from the desk, page "Printers"' ;; esac

# ---- the queue

needs_cups() {
    for program in lpadmin lpoptions lpstat; do
        command -v "$program" >/dev/null || PATH=$PATH:/usr/sbin:/sbin
        command -v "$program" >/dev/null || fail "$program is missing: install CUPS (Debian, Ubuntu: apt install cups; Fedora: dnf install cups)"
    done
    lpstat -r 2>/dev/null | grep -q 'is running' || fail 'CUPS does not run on this machine: start it (systemctl start cups), then run this again'
}

reachable() {
    command -v python3 >/dev/null || return 0  # lpadmin finds out too, less clearly
    printf '%s\n' "$address" | python3 "$here/agent.py" --probe || exit 1
}

not_another() {
    there=$(lpstat -v "$name" 2>/dev/null | sed 's/^[^:]*: *//' || true)
    case $there in
        '' | ipp://*/ipp/print/* | ipps://*/ipp/print/*) ;;
        *) [ -n "$force" ] || fail "there is a printer $name already, and it leads elsewhere: choose another --name, or --force to replace it" ;;
    esac
}

# lpadmin, as whoever may: members of lpadmin or root at once, others through sudo. Its words never show the token.
admin() {
    # without a terminal CUPS's own question for a password would wait for ever
    if told=$(lpadmin "$@" 2>&1 </dev/null); then return 0; fi
    case $told in
        *orbidden* | *nauthorized* | *'not authorized'* | *assword* | *ermission*)
            if [ "$(id -u)" != 0 ] && command -v sudo >/dev/null; then
                say 'Only an administrator may set up printers here; sudo may ask for your password.'
                if told=$(sudo lpadmin "$@" 2>&1); then return 0; fi
            fi ;;
    esac
    say "CUPS refused: $(printf '%s' "$told" | hide)"
    return 1
}

hide() { sed 's#/ipp/print/[^ "'"'"']*#/ipp/print/...#g'; }

make_queue() {
    needs_cups
    not_another
    reachable
    admin -p "$name" -E -v "$address" -m everywhere -D 'Post office' -o printer-is-shared=false -o printer-error-policy=retry-job \
        || fail "the queue $name could not be made. Is this user in the group lpadmin, and does the office answer?"
    # a job printed before the driver stands would travel as PostScript
    tries=0
    until lpoptions -p "$name" -l 2>/dev/null | grep -q '^PageSize'; do
        tries=$((tries + 1))
        [ $tries -lt 60 ] || fail "CUPS made the queue $name, but no driver for it within 30 s: see the end of /var/log/cups/error_log, then run this again"
        sleep 0.5
    done
    if [ -n "$default" ]; then admin -d "$name" || fail "the queue $name is there, but could not become the default printer"; fi
    say "The printer $name is ready."
}

# ---- the agent

find_desk() {
    [ -z "$desk" ] || { desk=${desk%/}; return 0; }
    authority_part=${address#*://}
    authority_part=${authority_part%%/*}
    case $address in
        ipps://*)
            host=$authority_part
            case $host in *"]") ;; *) host=${host%:[0-9]*} ;; esac
            desk=https://$host ;;
        *)
            case $authority_part in *:*[0-9]) ;; *) authority_part=$authority_part:631 ;; esac
            desk=http://$authority_part ;;
    esac
}

# a value for the agent's JSON file; what would need escaping has been refused, or is here
json() { printf '"%s"' "$(printf '%s' "$1" | sed 's/[\\"]/\\&/g')"; }

agent_for_other_user() {
    runner=$(command -v runuser || true)
    [ -n "$runner" ] || fail 'runuser is missing; log in as that user and run install.sh --agent-only'
    uid=$(id -u "$1") || fail "there is no user $1"
    passing=$(mktemp -d)
    trap 'rm -rf "$passing"' EXIT
    # the other user may not be able to read this folder
    cp "$here/install.sh" "$here/agent.py" "$here/postoffice-agent@.service" "$passing/"
    [ -z "$authority" ] || cp "$authority" "$passing/authority.pem"
    chown -R "$1" "$passing"
    printf '%s\n' "$address" | "$runner" -u "$1" -- env HOME="$(getent passwd "$1" | cut -d: -f6)" XDG_RUNTIME_DIR="/run/user/$uid" \
        sh "$passing/install.sh" --agent-only --name "$name" ${desk:+--desk "$desk"} ${authority:+--authority "$passing/authority.pem"} -
}

install_agent() {
    command -v python3 >/dev/null || fail 'the agent needs Python 3: install python3, then run this again with --agent-only'
    find_desk
    case $desk in http://?* | https://?*) ;; *) fail "the desk's address must begin with http:// or https://: $desk" ;; esac
    programs=${HOME:?}/.local/share/postoffice settings=${XDG_CONFIG_HOME:-$HOME/.config}/postoffice
    mkdir -p "$programs" "$settings"
    cp "$here/agent.py" "$programs/agent.py.new" && mv "$programs/agent.py.new" "$programs/agent.py"
    if [ -n "$authority" ]; then cp "$authority" "$settings/authority-$name.pem"; fi
    {
        printf '{"desk": %s, "token": %s' "$(json "$desk")" "$(json "$token")"
        if [ -n "$authority" ]; then printf ', "authorities": %s' "$(json "$settings/authority-$name.pem")"; fi
        printf '}\n'
    } >"$settings/agent-$name.json.new"
    mv "$settings/agent-$name.json.new" "$settings/agent-$name.json"
    answered=1
    python3 "$programs/agent.py" --printer "$name" --config "$settings/agent-$name.json" --check || answered=''
    start_agent
    if [ -z "$answered" ]; then
        fail "the agent is installed, but the desk at $desk did not answer it (see above). It keeps trying; if that address is wrong, run this again with --desk"
    fi
    say "The agent is ready: after printing to $name, the page with your letters opens by itself."
}

# an agent that no systemd looks after ends by its process number, which it keeps beside its memory
stop_old_agent() {
    pid=$(cat "${XDG_STATE_HOME:-$HOME/.local/state}/postoffice/agent-$name.json.lock" 2>/dev/null || true)
    case $pid in
        '' | *[!0-9]*) ;;
        *) if tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF "agent.py --printer $name "; then kill "$pid" || true; fi ;;
    esac
}

systemd_starts_agent() {
    command -v systemctl >/dev/null && systemctl --user show-environment >/dev/null 2>&1 || return 1
    units=${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user
    mkdir -p "$units" && cp "$here/postoffice-agent@.service" "$units/" || return 1
    systemctl --user daemon-reload \
        && systemctl --user enable --quiet "postoffice-agent@$name.service" \
        && systemctl --user restart "postoffice-agent@$name.service"
}

start_agent() {
    stop_old_agent
    if systemd_starts_agent; then return 0; fi
    # no systemd for this user: the desktop starts it at the next log-in
    autostart=${XDG_CONFIG_HOME:-$HOME/.config}/autostart
    mkdir -p "$autostart"
    cat >"$autostart/postoffice-agent-$name.desktop" <<EOF
[Desktop Entry]
Type=Application
Name=Post office: pages after printing to $name
Exec=python3 "$programs/agent.py" --printer $name
NoDisplay=true
X-GNOME-Autostart-enabled=true
EOF
    if [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
        python3 "$programs/agent.py" --printer "$name" </dev/null >/dev/null 2>&1 &
    else
        say 'It starts at your next log-in.'
    fi
}

[ -z "$authority" ] || [ -r "$authority" ] || fail "cannot read the certificate authority in $authority"
[ -z "$queue" ] || make_queue
[ -n "$agent" ] || exit 0
if [ "$(id -u)" = 0 ] && [ -n "$queue" ]; then
    user=${user:-${SUDO_USER:-}}
    if [ -z "$user" ] || [ "$user" = root ]; then
        say 'No agent was installed for root: each user runs install.sh --agent-only, or give --user USER.'
        exit 0
    fi
fi
if [ -n "$user" ] && [ "$user" != "$(id -un)" ]; then
    [ "$(id -u)" = 0 ] || fail '--user needs root'
    agent_for_other_user "$user"
else
    install_agent
fi
