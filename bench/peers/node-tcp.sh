#!/bin/sh
# The floor in Node: bytes from socket to socket, no HTTP.
set -eu
here=$(cd "$(dirname "$0")" && pwd); . "$here/node24.sh"
exec "$NODE" "$here/node-tcp.ts"
