#!/bin/busybox sh
# First program of a machine that runs the suite of guests on its own kernel, and ends.
/bin/busybox mkdir -p /proc /sys /dev /tmp
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /tmp
mount -t tmpfs tmpfs /run
ln -s /run /var/run
for module in $(cat /modules/order); do insmod /modules/$module; done
export PATH=/sbin:/bin LD_LIBRARY_PATH=/lib CI=true
ip link set lo up
suite --ignored --nocapture && echo "the kernel keeps the contract"
poweroff -f
