#!/bin/sh
# Gives the worker a certificate of certbot: copy to /etc/letsencrypt/renewal-hooks/deploy/sfu-worker (mode 0755), and run it
# once by hand: RENEWED_LINEAGE=/etc/letsencrypt/live/sfu.example.org /etc/letsencrypt/renewal-hooks/deploy/sfu-worker
#
# certbot's files are root's alone. The unit runs under a user that exists while it runs (DynamicUser=), but owns
# /var/lib/sfu-worker: what is put there is readable for it. The worker reads the files again when they change.
set -eu
case "${RENEWED_LINEAGE:?set by certbot}" in
    */sfu.example.org) ;;
    *) exit 0 ;; # another certificate of this machine
esac
state=$(readlink -f /var/lib/sfu-worker)
install -d -m 0700 -o "$(stat -c %u "$state")" -g "$(stat -c %g "$state")" "$state/tls"
for file in fullchain.pem privkey.pem; do
    # Whole files, moved into place.
    install -m 0600 -o "$(stat -c %u "$state")" -g "$(stat -c %g "$state")" \
        "$RENEWED_LINEAGE/$file" "$state/tls/.$file.new"
    mv "$state/tls/.$file.new" "$state/tls/$file"
done
