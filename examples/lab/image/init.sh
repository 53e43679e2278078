#!/bin/busybox sh
# First program of a persona's boot, in the initial RAM disk: from the firmware's boot table to the
# root file system on the SAN.
/bin/busybox mkdir -p /proc /sys /dev /root /run
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
say() { echo "[$(cut -d' ' -f1 /proc/uptime)] $*"; }
# An operator looks, or the power is cycled: either is better than a persona half awake.
give_up() { say "GIVING UP: $*"; exec sh; }

for module in $(cat /modules/order); do insmod /modules/$module || say "no $module"; done
say "modules loaded"

table=/sys/firmware/ibft
[ -d $table/target0 ] || give_up "the firmware left no boot table: no iSCSI boot"
field() { cat "$table/$1"; }
for nic in /sys/class/net/*; do
    [ "$(cat $nic/address)" = "$(field ethernet0/mac)" ] && san=${nic##*/}
done
[ "$san" ] || give_up "there is no NIC $(field ethernet0/mac)"
ip link set lo up
ip address add "$(field ethernet0/ip-addr)/$(field ethernet0/subnet-mask)" dev "$san"
ip link set "$san" up

export LD_LIBRARY_PATH=/lib
for try in 1 2 3; do iscsistart -b && break; say "no login, try $try"; sleep 1; done

# The disk behind a target, once it is there.
disk_of() {
    for try in $(seq 100); do
        for session in /sys/class/iscsi_session/session*; do
            [ "$(cat $session/targetname 2>/dev/null)" = "$1" ] || continue
            for block in $session/device/target*/*/block/*; do
                [ -b "/dev/${block##*/}" ] && echo "/dev/${block##*/}" && return
            done
        done
        usleep 20000
    done
}
disk=$(disk_of "$(field target0/target-name)")
[ "$disk" ] || give_up "no disk behind $(field target0/target-name)"
for try in $(seq 100); do [ -b "${disk}2" ] && break; usleep 20000; done
mount -t ext4 -o errors=remount-ro "${disk}2" /root || give_up "no root on ${disk}2"
say "root on ${disk}2"

# The data volume is on the same portal, under the same name and account.
data=$(cat /root/etc/coldspare/data-target 2>/dev/null)
if [ "$data" ]; then
    iscsistart -i "$(field initiator/initiator-name)" -t "$data" -g 1 \
        -a "$(field target0/ip-addr)" -p "$(field target0/port)" \
        -u "$(field target0/chap-name)" -w "$(field target0/chap-secret)"
    disk_of "$data" >/run/data-disk
    say "data on $(cat /run/data-disk)"
fi
for folder in proc sys dev run; do mount -o move /$folder /root/$folder 2>/dev/null || true; done
[ -s /run/data-disk ] && cp /run/data-disk /root/run/data-disk
exec switch_root /root /sbin/init
