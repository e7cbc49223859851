# Gives a new network namespace one address and a default route, then runs the command: unshare --net bash with-network.sh COMMAND…
set -eu
ip link set lo up
ip link add sfu0 type veth peer name sfu1
ip addr add 10.77.0.1/24 dev sfu0
ip link set sfu0 up
ip link set sfu1 up
ip route add default via 10.77.0.2
exec "$@"
