# callPackage: calls a function (or the file that has it) with what it asks for by name, and lets its result be made
# again with other arguments by `override`.
{ scope }:

let
  overridable =
    function: arguments:
    let
      result = function arguments;
      override =
        changes:
        overridable function (
          arguments // (if builtins.isFunction changes then changes arguments else changes)
        );
      # What is overridden by attribute can still be overridden by argument.
      overrideAttrs = changes: overridable (again: (function again).overrideAttrs changes) arguments;
    in
    if !builtins.isAttrs result then
      result
    else
      result // { inherit override; } // (if result ? overrideAttrs then { inherit overrideAttrs; } else { });
in
rec {
  # For a file that makes several packages.
  callPackages = callPackage;

  callPackage =
    functionOrFile: given:
    let
      function = if builtins.isFunction functionOrFile then functionOrFile else import functionOrFile;
      asked = builtins.functionArgs function;
      missing = builtins.filter (name: !(asked.${name} || scope ? ${name} || given ? ${name})) (
        builtins.attrNames asked
      );
    in
    if missing != [ ] then
      throw "callPackage: there is no ${builtins.concatStringsSep ", " missing} in this stand-in for nixpkgs"
    else
      overridable function (builtins.intersectAttrs asked scope // given);
}
