# Stops the server when its parent is gone, however that ended: the parent holds the other
# end of our input and says there which process the server is.
# $1: folder of the cluster. Input: the process id, then nothing until the end.
cluster=$1
trap '' HUP INT QUIT TERM
read -r server || exit 0
while read -r _; do :; done

# Whether that process is still the server: its id may have gone to another one.
runs() {
    named=
    read -r named < "$cluster/postmaster.pid" || return 1
    [ "$named" = "$server" ] || return 1
    kill -0 "$server" || return 1
    if [ -e /proc/self/cwd ]; then
        [ "/proc/$server/cwd" -ef "$cluster" ]
    else
        case $(ps -ww -p "$server" -o command=) in
            *postgres*"$cluster"*) true ;;
            *) false ;;
        esac
    fi
}

# Sends signal $1 and waits $2 tenths of a second for the end.
stop() {
    runs || exit 0
    kill -s "$1" "$server"
    left=$2
    while [ "$left" -gt 0 ]; do
        sleep 0.1
        runs || exit 0
        left=$((left - 1))
    done
}

# Fast, then at once, then by force.
stop INT 300
stop QUIT 50
stop KILL 50
