# What nixpkgs's functions make of sets and lists: { expr, expected }.
{ lib, ... }:

let
  inherit (lib)
    attrByPath
    filterAttrs
    flatten
    genAttrs
    imap1
    intersectLists
    last
    mapAttrs'
    mapAttrsToList
    nameValuePair
    optional
    optionalAttrs
    optionals
    recursiveUpdate
    reverseList
    subtractLists
    toList
    unique
    ;
in
{
  "sets are filtered and mapped" = {
    expr = {
      filtered = filterAttrs (name: value: name == "a" || value == 2) {
        a = 1;
        b = 2;
        c = 3;
      };
      renamed = mapAttrs' (name: value: nameValuePair (name + "x") (value + 1)) { a = 1; };
      listed = mapAttrsToList (name: value: name + toString value) { b = 2; a = 1; };
      made = genAttrs [ "a" ] (name: name + name);
      some = optionalAttrs true { a = 1; } // optionalAttrs false { b = 1; };
    };
    expected = {
      filtered = {
        a = 1;
        b = 2;
      };
      renamed.ax = 2;
      listed = [
        "a1"
        "b2"
      ];
      made.a = "aa";
      some.a = 1;
    };
  };

  "sets are updated in depth" = {
    expr = recursiveUpdate {
      a.b = 1;
      a.c = [ 1 ];
      d.e = 1;
    } {
      a.c = [ 2 ];
      d = 2;
      f.g = 3;
    };
    expected = {
      a.b = 1;
      a.c = [ 2 ];
      d = 2;
      f.g = 3;
    };
  };

  "a path leads into a set or to what stands for it" = {
    expr = [
      (attrByPath [
        "a"
        "b"
      ] 0 { a.b = 1; })
      (attrByPath [
        "a"
        "b"
      ] 0 { a = 1; })
      (attrByPath [ ] 0 { a = 1; })
    ];
    expected = [
      1
      0
      { a = 1; }
    ];
  };

  "lists" = {
    expr = {
      flat = flatten [
        1
        [
          2
          [
            [ ]
            3
          ]
        ]
      ];
      once = unique [
        1
        2
        1
        3
        2
      ];
      without = subtractLists [ 2 ] [
        1
        2
        3
        2
      ];
      common = intersectLists [
        3
        1
      ] [
        1
        2
        3
      ];
      numbered = imap1 (index: value: index * value) [
        5
        5
      ];
      reversed = reverseList [
        1
        2
        3
      ];
      last = last [
        1
        2
      ];
      some = optional true 1 ++ optional false 2 ++ optionals true [ 3 ] ++ optionals false [ 4 ];
      lists = toList 1 ++ toList [ 2 ];
    };
    expected = {
      flat = [
        1
        2
        3
      ];
      once = [
        1
        2
        3
      ];
      without = [
        1
        3
      ];
      common = [
        1
        3
      ];
      numbered = [
        5
        10
      ];
      reversed = [
        3
        2
        1
      ];
      last = 2;
      some = [
        1
        3
      ];
      lists = [
        1
        2
      ];
    };
  };
}
