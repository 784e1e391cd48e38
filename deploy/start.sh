#!/bin/sh
# Starts Mentor; the first time, the shelf that comes with it is put where the owner's will be.
set -eu
if [ ! -e "$MENTOR_CORPUS_DIR" ]; then
  rm -rf "$MENTOR_CORPUS_DIR.new"
  cp -R "$(dirname "$0")/../corpus" "$MENTOR_CORPUS_DIR.new"
  mv "$MENTOR_CORPUS_DIR.new" "$MENTOR_CORPUS_DIR"
fi
exec "$(dirname "$0")/../.venv/bin/mentor" "$@"
