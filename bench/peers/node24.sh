# Sourced with $here: sets NODE to the Node of this repository (npm ci), so that peers do not run on whatever is at hand.
NODE=$here/../../node_modules/node/bin/node
