# Which fields of security.nixsig.settings an option sets as well: { field, option } as they are
# written.
{ lib, options }:

let
  inherit (import ./field-names.nix { inherit lib; }) optionOf;

  # The options of a submodule, which has no others than these.
  below = option: if option.type.name == "submodule" then option.type.getSubOptions option.loc else null;

  show = lib.concatStringsSep ".";

  # The first option at or below a place in the tree.
  firstIn =
    tree:
    if lib.isOption tree then
      tree
    else
      lib.head (map firstIn (lib.attrValues (removeAttrs tree [ "_module" ])));

  clashes =
    path: tree: value:
    if lib.isOption tree && below tree == null then
      [
        {
          field = show path;
          option = lib.showOption tree.loc;
        }
      ]
    else
      let
        here = if lib.isOption tree then below tree else tree;
      in
      if !builtins.isAttrs value then
        [
          {
            field = show path;
            option = lib.showOption (firstIn here).loc;
          }
        ]
      else
        lib.concatMap (
          name:
          let
            option = optionOf name;
          in
          lib.optionals (here ? ${option}) (clashes (path ++ [ name ]) here.${option} value.${name})
        ) (builtins.attrNames value);
in
clashes [ ] (
  removeAttrs options.security.nixsig [
    "settings"
    "policyFile"
  ]
)
