#!/bin/sh
# usage: unshare --net --mount --pid --fork --kill-child sh fax_lab.sh FOLDER PYTHON EXCHANGE
# Two software modems that call each other (0 calls, 1 answers) and two whose exchange is busy or lets them ring, HylaFAX above them.
# All of it lives in namespaces of its own: it sees no network but its own loopback, and ends with the process that started it.
# FOLDER/spool becomes the spool; an hfaxd outside serves it. FOLDER/ready is written when the modems can be used.
set -eu
folder=$1 python=$2 exchange=$3
spool=/var/spool/hylafax

ip link set lo up
mkdir -p "$folder/spool" "$folder/dev/pts" "$folder/log"
cp -a $spool/. "$folder/spool"
cp -a /etc/hylafax/. "$folder/spool/etc"
mount --bind "$folder/spool" $spool

# a /dev of our own, for the modems' names
mount -t tmpfs dev "$folder/dev"
mkdir "$folder/dev/pts" "$folder/dev/shm"
for node in null zero full random urandom tty; do
    touch "$folder/dev/$node"
    mount --bind "/dev/$node" "$folder/dev/$node"
done
mount -t devpts -o newinstance,ptmxmode=0666,mode=0660 pts "$folder/dev/pts"
ln -s pts/ptmx "$folder/dev/ptmx"
mount --rbind "$folder/dev" /dev  # with the mounts in it
for place in /etc/iaxmodem /var/lock /var/log; do mount -t tmpfs tmpfs "$(readlink -f $place)"; done
mkdir -p /var/log/iaxmodem

modem() {  # number, own port; the other end is always on port 4569 of the same network
    printf '%s\t%s\n' device /dev/ttyIAX"$1" owner uucp:uucp mode 660 port "$2" refresh 0 server 127.0.0.1 peername modem"$1" secret secret \
        cidname Modem"$1" cidnumber 3312345670"$1" codec slinear > /etc/iaxmodem/ttyIAX"$1"
    {
        cat $spool/config/iaxmodem
        printf '%s\n' "FAXNumber: +33.1.23.45.67.0$1" "LocalIdentifier: \"POST$1\"" 'CountryCode: 33' 'AreaCode: 1' \
            'RingsBeforeAnswer: 1' 'RecvFileMode: 0644' 'ModemWaitTimeCmd: ATS7=20' 'SessionTracing: 0xFFF'
    } > $spool/etc/config.ttyIAX"$1"
}

for number in 0 1 2 3; do modem $number $((4570 - number)); done
iaxmodem ttyIAX0 < /dev/null > "$folder/log/iaxmodem0" 2>&1 &
iaxmodem ttyIAX1 < /dev/null > "$folder/log/iaxmodem1" 2>&1 &
unshare --net sh -c 'ip link set lo up; "$1" "$2" 4569 & iaxmodem ttyIAX3 & exec iaxmodem ttyIAX2' sh "$python" "$exchange" \
    < /dev/null > "$folder/log/exchange" 2>&1 &
printf '%s\n' 'LogFacility: daemon' 'ServerTracing: 1' 'CountryCode: 33' 'AreaCode: 1' 'DialStringRules: etc/dialrules' > $spool/etc/config
chown -R uucp:uucp $spool/etc
sleep 1
faxq -D < /dev/null > "$folder/log/faxq" 2>&1 &
sleep 1
for number in 0 1 2 3; do
    faxgetty ttyIAX$number < /dev/null > "$folder/log/faxgetty$number" 2>&1 &
done
touch "$folder/ready"
wait
