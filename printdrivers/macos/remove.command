#!/bin/sh
# Takes a post office printer and its agent away again on macOS. What the office holds stays there.
set -eu
name=Post_Office
case ${1:-} in
    -h | --help) echo 'usage: remove.command [QUEUE]    (Post_Office where no name is given; what is not there is no error)'; exit 0 ;;
    -*) echo "remove.command: unknown option $1; see --help" >&2; exit 1 ;;
    ?*) name=$1 ;;
esac
case $name in *[!A-Za-z0-9_-]*) echo "remove.command: a queue's name has only letters, digits, - and _: $name" >&2; exit 1 ;; esac

label=org.postoffice.agent.$name programs="$HOME/Library/Application Support/postoffice"
launchctl bootout "gui/$(id -u)/$label" 2>/dev/null || true
rm -f "$HOME/Library/LaunchAgents/$label.plist" "$HOME/Library/Logs/postoffice-agent-$name.log" \
    "$programs/agent-$name.conf" "$programs/agent-$name.cursor" "$programs/agent-$name.opened"
if ! ls "$programs"/*.conf >/dev/null 2>&1; then rm -f "$programs/agent.sh"; rmdir "$programs" 2>/dev/null || true; fi

there=$(lpstat -v "$name" 2>/dev/null | sed 's/^[^:]*: *//' || true)
case $there in
    '') ;;
    ipp://*/ipp/print/* | ipps://*/ipp/print/*) lpadmin -x "$name" </dev/null 2>/dev/null || sudo lpadmin -x "$name" ;;
    *) echo "remove.command: the printer $name leads elsewhere than to a post office; it stays" >&2; exit 1 ;;
esac
echo "The printer $name and its agent are gone." >&2
