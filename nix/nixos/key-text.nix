# A public key as it is in policy.toml, from text as tools write it to files: without the line break
# at its end, and of minisign's and signify's two lines, the second alone.
text:

let
  trimmed = builtins.match "[[:space:]]*(.*[^[:space:]])[[:space:]]*" text;
  plain = if trimmed == null then "" else builtins.head trimmed;
  commented = builtins.match "untrusted comment:([^\n]*)\n([A-Za-z0-9+/=]+)" plain;
  comment = builtins.elemAt commented 0;
  tool = if builtins.match ".*minisign.*" comment != null then "minisign" else "signify";
in
if commented == null then plain else "${tool}:${builtins.elemAt commented 1}"
