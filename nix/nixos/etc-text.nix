# The text of a file of /etc before the system is built: "" if it is absent, null if it cannot be
# read.
{ config }:

name:

let
  entry = config.environment.etc.${name} or { enable = false; };
  isThere = entry.enable or true;
in
if !isThere then
  ""
else if builtins.isAttrs entry.source && entry.source ? text then
  entry.source.text
else if builtins.isPath entry.source then
  builtins.readFile entry.source
else
  null
