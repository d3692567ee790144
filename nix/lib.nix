# Says in a derivation itself where the developer's signature of its source lies, so that a machine
# which builds it checks that very signature, by its own trusted list. Plain functions: nothing here
# needs nixpkgs, and nothing here verifies.
#
#   fetchSigned { url, hash, signature, ... }   fetches a file that somebody signed
#   withSignature { src, signature, ... }       the same for a source that there is already
#
# docs/attestations.md, "In the derivation itself", describes both and what they write.
let
  inherit (builtins)
    attrNames
    concatMap
    concatStringsSep
    elem
    filter
    head
    isAttrs
    isList
    isPath
    isString
    match
    typeOf
    ;

  fail = function: problem: throw "nixsig: ${function}: ${problem}";

  # Arguments are checked here and not by a function pattern, whose errors would name this file and
  # not the caller's.
  checkNames =
    function: what: known: set:
    let
      unknown = filter (name: !elem name known) (attrNames set);
    in
    if !isAttrs set then
      fail function "${what} must be a set of attributes, not of type ${typeOf set}"
    else if unknown != [ ] then
      fail function "${what} has no attribute ${head unknown}; it has ${concatStringsSep ", " known}"
    else
      set;

  stringOf =
    function: what: value:
    if isString value && value != "" then
      value
    else
      fail function "${what} must be a string that says something, not ${
        if value == "" then "an empty one" else "of type ${typeOf value}"
      }";

  # `url` or `urls`. Nix's own fetcher only uses the first.
  urlsOf =
    function: what: set:
    let
      urls = if set ? urls then set.urls else [ set.url ];
    in
    if set ? url == set ? urls then
      fail function "${what} needs either url or urls"
    else if !isList urls || urls == [ ] then
      fail function "urls of ${what} must be a list of at least one URL"
    else
      map (stringOf function "each URL of ${what}") urls;

  # A valid name for a store path. `default` is the last part of a URL or path.
  nameOf =
    function: what: default: set:
    let
      name = stringOf function "name of ${what}" (set.name or default);
    in
    if match "[0-9A-Za-z+_?=-][0-9A-Za-z+._?=-]*" name != null then
      name
    else
      fail function "${what} cannot be called \"${name}\" in the store: give it another name";

  hashOf =
    function: what: set:
    let
      hash = stringOf function "hash of ${what}" (set.hash or (fail function "${what} needs a hash"));
    in
    if match "sha(256|512)-[0-9A-Za-z+/]+=*" hash != null then
      hash
    else
      fail function "hash of ${what} must be of the form sha256-… or sha512-…, as nix hash prints it, not \"${hash}\"";

  # Makes the same derivation as <nix/fetchurl.nix>, so that an output has the same path whichever
  # fetches it.
  fetch =
    { name, urls, ... }@more:
    derivation (
      more
      // {
        inherit name urls;
        url = head urls;
        system = "builtin";
        builder = "builtin:fetchurl";
        outputHashMode = "flat";
        unpack = false;
        executable = false;
        preferLocalBuild = true;
        impureEnvVars = [
          "http_proxy"
          "https_proxy"
          "ftp_proxy"
          "all_proxy"
          "no_proxy"
        ];
      }
    );

  isDerivation = value: isAttrs value && value.type or null == "derivation";
  isFixed = value: value ? drvAttrs.outputHash;

  # A plain file as a separate store path.
  storedFile =
    function: what: path:
    let
      kind = (builtins.readDir (dirOf path)).${baseNameOf path} or "missing";
    in
    if kind == "regular" then
      builtins.path {
        inherit path;
        name = nameOf function what (baseNameOf path) { };
      }
    else if kind == "missing" then
      fail function "there is no ${toString path}, which is to be ${what}"
    else
      fail function "${what} must be one plain file, and ${toString path} is a ${kind}";

  # A signature or a list of checksums: the store path that it has or will have.
  fileOf =
    function: what: value:
    if isPath value then
      "${storedFile function what value}"
    else if isDerivation value then
      if isFixed value then
        "${derivation (value.drvAttrs // { nixsigRole = "signature"; })}"
      else
        fail function "${what} must be fetched, and ${value.name} is built"
    else if isAttrs value then
      let
        set = checkNames function what [
          "url"
          "urls"
          "hash"
          "name"
        ] value;
        urls = urlsOf function what set;
      in
      "${fetch {
        inherit urls;
        name = nameOf function what (baseNameOf (head urls)) set;
        outputHash = hashOf function what set;
        nixsigRole = "signature";
      }}"
    else
      fail function "${what} must be a path, something fetched, or a set with url and hash, not of type ${typeOf value}";

  kinds = {
    openpgp = ".*[.](asc|gpg|sign)";
    minisign = ".*[.]minisig";
    signify = ".*[.]signify";
    sshsig = ".*[.]sshsig";
    sigstore = ".*[.]sigstore([.]json)?";
  };

  # The given kind, or else the kind that the file's name shows. Nothing if several kinds use that
  # name.
  kindOf =
    function: said: name:
    let
      told = filter (kind: match kinds.${kind} name != null) (attrNames kinds);
    in
    if said == null then
      (if told == [ ] then { } else { kind = head told; })
    else if elem said (attrNames kinds) then
      { kind = said; }
    else
      fail function "kind of a signature must be one of ${concatStringsSep ", " (attrNames kinds)}";

  # One signature as it was given: its record in the derivation, without the subject.
  recordOf =
    function: given:
    let
      isSet = isAttrs given && !isDerivation given;
      set = checkNames function "signature" [
        "file"
        "url"
        "urls"
        "hash"
        "name"
        "kind"
        "checksums"
        "fileName"
      ] given;
      fetched = removeAttrs set [
        "kind"
        "checksums"
        "fileName"
      ];
      file =
        if !(set ? file) then
          fetched
        else if attrNames fetched == [ "file" ] then
          set.file
        else
          fail function "signature needs either file or url and hash";
      signature = fileOf function "signature" (if isSet then file else given);
      checksums = fileOf function "checksums of a signature" set.checksums;
    in
    { inherit signature; }
    // kindOf function (if isSet then set.kind or null else null) signature
    // (if isSet && set ? checksums then { inherit checksums; } else { })
    // (
      if isSet && set ? fileName then
        { fileName = stringOf function "fileName of a signature" set.fileName; }
      else
        { }
    );

  # The value of nixsigSignatures: a record for each signature and each subject.
  declare =
    function: subjects: given:
    let
      signatures = if isList given then given else [ given ];
      records = concatMap (
        signature: map (subject: { inherit subject; } // recordOf function signature) subjects
      ) signatures;
    in
    if signatures == [ ] then
      fail function "signature is an empty list"
    else if builtins.length records > 64 then
      fail function "more signatures than are read (64)"
    else
      builtins.toJSON records;

  signatureOf =
    function: set: set.signature or (fail function "there is no signature; without one use another fetcher");

  fetchSigned =
    arguments:
    let
      function = "fetchSigned";
      set = checkNames function "its argument" [
        "url"
        "urls"
        "hash"
        "name"
        "signature"
      ] arguments;
      urls = urlsOf function "its argument" set;
    in
    fetch {
      inherit urls;
      name = nameOf function "the source" (baseNameOf (head urls)) set;
      outputHash = hashOf function "its argument" set;
      nixsigSignatures = declare function [ "out" ] (signatureOf function set);
    };

  withSignature =
    arguments:
    let
      function = "withSignature";
      set = checkNames function "its argument" [
        "src"
        "signature"
        "name"
      ] arguments;
      src = set.src or (fail function "its argument needs a src");
      signature = signatureOf function set;
    in
    if isPath src then
      signedFile function set signature
    else if isDerivation src then
      if set ? name then
        fail function "name is for a src that is a path: a derivation has one"
      else
        signedFetch function src signature
    else
      fail function "src must be a path or something fetched, not of type ${typeOf src}";

  # A copy of the file, made by a derivation that names the signature for both.
  signedFile =
    function: set: signature:
    let
      file = "${storedFile function "src" set.src}";
    in
    fetch {
      name = nameOf function "src" (baseNameOf set.src) set;
      urls = [ "file://${file}" ];
      outputHashAlgo = "sha256";
      outputHash = builtins.hashFile "sha256" set.src;
      nixsigSignatures = declare function [
        file
        "out"
      ] signature;
    };

  signedFetch =
    function: src: signature:
    if !isFixed src then
      fail function "src must be fetched, and ${src.name} is built: nobody signs that as a file"
    else if (src.drvAttrs.outputHashMode or "flat") != "flat" then
      fail function "src must be one file: no detached signature covers a tree, which ${src.name} is"
    else if src.drvAttrs ? nixsigSignatures then
      fail function "${src.name} names signatures already: give all of them as a list"
    else
      src
      // derivation (
        src.drvAttrs
        // {
          nixsigSignatures = declare function [ "out" ] signature;
        }
      );
in
{
  inherit fetchSigned withSignature;
}
