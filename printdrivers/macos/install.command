#!/bin/sh
# Sets up a post office printer on macOS, and the agent that opens its page after printing. Can be double-clicked.
set -eu
umask 077
here=$(cd "$(dirname "$0")" && pwd)

usage() {
    cat <<'EOF'
usage: install.command [options] [ADDRESS]

ADDRESS is the printer's address from the desk, such as ipps://post.example.org:8631/ipp/print/TOKEN; asked for where it is not given.
Run it again at any time, also with a new address: it changes what is there.

  --name QUEUE   name of the print queue (Post_Office): letters, digits, - and _
  --default      make it the default printer
  --desk URL     where the desk is (ipp://HOST:PORT gives http://HOST:PORT; ipps://HOST gives https://HOST)
  --no-agent     only the queue; the page is then reached from the desk
  -h, --help     this text
EOF
}
say() { printf '%s\n' "$*" >&2; }
fail() { say "install.command: $*"; exit 1; }

name=Post_Office address='' desk='' agent=1 default=''
while [ $# -gt 0 ]; do
    case $1 in
        -h | --help) usage; exit 0 ;;
        --name | --desk)
            [ $# -ge 2 ] || fail "$1 needs a value; see --help"
            case $1 in --name) name=$2 ;; --desk) desk=$2 ;; esac
            shift ;;
        --default) default=1 ;;
        --no-agent) agent='' ;;
        -*) fail "unknown option $1; see --help" ;;
        *) [ -z "$address" ] || fail 'only one address can be given; see --help'; address=$1 ;;
    esac
    shift
done
if [ -z "$address" ]; then
    printf 'Paste the printer'"'"'s address from the desk, page "Printers": ' >&2
    IFS= read -r address || fail 'no address was given'
fi
case $address in
    ipp://?*/ipp/print/?* | ipps://?*/ipp/print/?*) ;;
    *) fail 'the address must look like ipps://HOST:PORT/ipp/print/TOKEN: copy it again from the desk, page "Printers"' ;;
esac
case $address in *[!A-Za-z0-9:/._~%@\[\]-]*) fail 'the address has a character that no printer address has: copy it again from the desk' ;; esac
case $name in '' | *[!A-Za-z0-9_-]* | -*) fail "a queue's name has only letters, digits, - and _: $name" ;; esac
token=${address##*/ipp/print/}
case $token in */*) fail 'the address must end with the token: copy it again from the desk, page "Printers"' ;; esac

make_queue() {
    there=$(lpstat -v "$name" 2>/dev/null | sed 's/^[^:]*: *//' || true)
    case $there in
        '' | ipp://*/ipp/print/* | ipps://*/ipp/print/*) ;;
        *) fail "there is a printer $name already, and it leads elsewhere: choose another --name" ;;
    esac
    # macOS ships ipptool and this test; an unreachable printer makes lpadmin wait long and say little
    ipptool -q -T 10 "$address" get-printer-attributes.test >/dev/null 2>&1 \
        || fail 'no printer answers at this address: is the office running, this Mac on its network, and the token not revoked?'
    if ! told=$(lpadmin -p "$name" -E -v "$address" -m everywhere -D 'Post office' -o printer-is-shared=false 2>&1 </dev/null); then
        say 'Only an administrator may set up printers on this Mac; sudo may ask for your password.'
        told=$(sudo lpadmin -p "$name" -E -v "$address" -m everywhere -D 'Post office' -o printer-is-shared=false 2>&1) \
            || fail "macOS refused: $(printf '%s' "$told" | sed 's#/ipp/print/[^ ]*#/ipp/print/...#g')"
    fi
    tries=0
    until lpoptions -p "$name" -l 2>/dev/null | grep -q '^PageSize'; do
        tries=$((tries + 1))
        [ $tries -lt 60 ] || fail "the queue $name was made, but has no driver after 30 s: remove it with remove.command and try again"
        sleep 0.5
    done
    if [ -n "$default" ]; then lpoptions -d "$name" >/dev/null; fi
    say "The printer $name is ready."
}

find_desk() {
    [ -z "$desk" ] || { desk=${desk%/}; return 0; }
    place=${address#*://}
    place=${place%%/*}
    case $address in
        ipps://*) desk=https://${place%:[0-9]*} ;;
        *) case $place in *:*[0-9]) ;; *) place=$place:631 ;; esac
            desk=http://$place ;;
    esac
}

install_agent() {
    find_desk
    case $desk in
        *[!A-Za-z0-9:/._~%\[\]-]*) fail "the desk's address has a character that does not belong there: $desk" ;;
        http://?* | https://?*) ;;
        *) fail "the desk's address must begin with http:// or https://: $desk" ;;
    esac
    programs="$HOME/Library/Application Support/postoffice"
    label=org.postoffice.agent.$name
    plist=$HOME/Library/LaunchAgents/$label.plist
    mkdir -p "$programs" "$HOME/Library/LaunchAgents" "$HOME/Library/Logs"
    cp "$here/agent.sh" "$programs/agent.sh"
    printf '%s\n%s\n' "$desk" "$token" >"$programs/agent-$name.conf"
    # & and | would mean something to sed; a home folder has neither, and the queue's name was checked
    sed -e "s|QUEUE|$name|g" -e "s|HOME/|$HOME/|g" "$here/org.postoffice.agent.plist" >"$plist"
    chmod 644 "$plist"
    launchctl bootout "gui/$(id -u)/$label" 2>/dev/null || true
    launchctl bootstrap "gui/$(id -u)" "$plist" || fail "the agent could not be started; it starts at your next log-in ($plist)"
    status=$(printf 'header = "Authorization: Bearer %s"\nurl = "%s/agent/next?wait=0"\n' "$token" "$desk" \
        | curl --silent --max-time 20 --output /dev/null --write-out '%{http_code}' --config - || true)
    [ "$status" = 200 ] \
        || fail "the agent is installed, but the desk at $desk answers ${status:-nothing} instead of 200. If that address is wrong, run this again with --desk"
    say "The agent is ready: after printing to $name, the page with your letters opens by itself."
}

make_queue
[ -z "$agent" ] || install_agent
