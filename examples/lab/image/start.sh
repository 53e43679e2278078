#!/bin/busybox sh
# The persona's first program on its own disk: starts the agent and the workload, and keeps them
# running.
export PATH=/bin:/sbin
/bin/busybox --install -s /bin
say() { echo "[$(cut -d' ' -f1 /proc/uptime)] $*"; }
# Both paths of the system control network are in one subnet: each NIC answers for its own address.
echo 1 >/proc/sys/net/ipv4/conf/all/arp_ignore
echo 2 >/proc/sys/net/ipv4/conf/all/arp_announce
say "persona starts"

keep() { while :; do "$@"; say "$1 ended"; usleep 300000; done; }
keep agent &
if [ -s /run/data-disk ]; then
    keep witness "$(cat /run/data-disk)" "$(cat /etc/coldspare/acknowledge)" &
fi
# A shell on the second serial line, where there is one.
while :; do
    setsid sh </dev/ttyS1 >/dev/ttyS1 2>&1
    sleep 1
done
