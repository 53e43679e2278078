#!/bin/busybox sh
# Shuts the persona down in order: nothing writes any more, all is on the disk, the power goes off.
export PATH=/bin:/sbin
killall witness
sync
# Gives the last heartbeats, and the answer to whoever asked, the time to leave.
usleep 300000
mount -o remount,ro /
poweroff -f
